//! The way into the double for SDK clients in this process: no socket, no process, the same rules.

use std::sync::Arc;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use tokio::sync::Notify;

use super::incoming::Incoming;
use super::server::{self, Caller};
use super::{Door, Proxy, Shared};

/// The SDK's HTTP client that a program in this process has.
#[derive(Debug, Clone)]
pub struct Direct {
    shared: Arc<Shared>,
    door: Door,
    life: Arc<Life>,
}

/// Of a program that runs in this process: a fault that kills it ends this.
#[derive(Debug, Default)]
pub struct Life {
    killed: Notify,
}

impl Life {
    /// Waits until a fault has killed the program; whoever runs it then drops it.
    pub async fn ended(&self) {
        self.killed.notified().await;
    }

    /// Ends the program's life.
    pub(super) fn end(&self) {
        self.killed.notify_one();
    }
}

impl Direct {
    /// The same for another life of the program.
    #[must_use]
    pub fn lived(&self, life: &Arc<Life>) -> Self {
        let life = Arc::clone(life);
        Self {
            life,
            ..self.clone()
        }
    }
}

impl Proxy {
    /// The front door for a program in this process.
    #[must_use]
    pub fn direct(&self, life: &Arc<Life>) -> Direct {
        Direct {
            shared: Arc::clone(&self.shared),
            door: Door::Front,
            life: Arc::clone(life),
        }
    }

    /// The back door for the test itself.
    #[must_use]
    pub fn direct_back_door(&self) -> Direct {
        Direct {
            shared: Arc::clone(&self.shared),
            door: Door::Back,
            life: Arc::default(),
        }
    }
}

impl HttpClient for Direct {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Direct {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Self { shared, door, life } = self.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x();
            let request = request.map_err(|err| ConnectorError::user(err.into()))?;
            let (head, body) = request.into_parts();
            let body = ByteStream::new(body).collect().await;
            let bytes = body.map_err(|err| ConnectorError::user(err.into()))?;
            let incoming = Arc::new(Incoming::of(head, bytes.into_bytes()));
            let answer = server::answered(incoming, door, &shared, Caller::Here(&life)).await;
            let answer = answer.map_err(|cut| ConnectorError::io(cut.into()))?;
            let answer = HttpResponse::try_from(answer.map(SdkBody::from));
            answer.map_err(|err| ConnectorError::user(err.into()))
        })
    }
}
