//! Health checks: what a target answers, and what its state becomes of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::board::{Board, Place};
use super::rules::Check;

/// A second may be short here, and a busy machine is no sick target.
const LEAST_PATIENCE: Duration = Duration::from_secs(5);

/// How a target does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// No check has decided yet: it gets no requests.
    Initial,
    /// It gets requests.
    Healthy,
    /// It gets none while others are healthy.
    Unhealthy,
}

/// A target's state, and how many checks in a row spoke against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Course {
    pub(super) health: Health,
    against: u32,
}

impl Course {
    pub(super) const NEW: Self = Self {
        health: Health::Initial,
        against: 0,
    };

    /// What becomes of it after one more check.
    ///
    /// Source: user guide, "Health checks for your target groups": a new target passes one to be healthy, one that was unhealthy
    /// as many as the threshold says.
    pub(super) fn after(self, is_good: bool, check: &Check) -> Self {
        let (other, threshold) = match (self.health, is_good) {
            (Health::Healthy, true) | (Health::Unhealthy, false) => {
                return Self { against: 0, ..self };
            }
            (Health::Initial, true) => (Health::Healthy, 1),
            (Health::Unhealthy, true) => (Health::Healthy, check.healthy),
            (Health::Initial | Health::Healthy, false) => (Health::Unhealthy, check.unhealthy),
        };
        if self.against + 1 >= threshold {
            return Self {
                health: other,
                against: 0,
            };
        }
        Self {
            against: self.against + 1,
            ..self
        }
    }
}

/// Checks a target until nobody asks for it any more.
pub(super) async fn watch(board: Arc<Board>, place: Place) {
    while let Some(check) = board.check(&place) {
        let timeout = LEAST_PATIENCE.max(board.second * check.timeout);
        let answer = tokio::time::timeout(timeout, asked(place.target, &check)).await;
        board.told(&place, answer.unwrap_or_default());
        tokio::time::sleep(board.second * check.interval).await;
    }
}

/// Whether the target gives a good answer.
async fn asked(target: SocketAddr, check: &Check) -> bool {
    let Ok(stream) = TcpStream::connect(target).await else {
        return false;
    };
    let Some(path) = &check.path else { return true };
    let code = answer(stream, target, path).await;
    code.is_some_and(|code| check.codes.iter().any(|good| good.contains(&code.as_u16())))
}

async fn answer(stream: TcpStream, target: SocketAddr, path: &str) -> Option<StatusCode> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::get(path)
        .header(header::HOST, target.to_string())
        .header(header::USER_AGENT, "ELB-HealthChecker/2.0")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new());
    tokio::spawn(connection); // which ends with the sender
    let response = sender.send_request(request.ok()?).await;
    Some(response.ok()?.status())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_changes_when_enough_checks_in_a_row_say_so() {
        let check = Check {
            path: None,
            interval: 5,
            timeout: 2,
            healthy: 3,
            unhealthy: 2,
            codes: Vec::new(),
        };
        for (answers, want) in [
            ("", Health::Initial),
            ("+", Health::Healthy),
            ("-", Health::Initial),
            ("--", Health::Unhealthy),
            ("-+", Health::Healthy),
            ("+-", Health::Healthy),
            ("+-+-", Health::Healthy),
            ("+--", Health::Unhealthy),
            ("+--++", Health::Unhealthy),
            ("+--++-++", Health::Unhealthy),
            ("+--+++", Health::Healthy),
        ] {
            let course = answers.chars();
            let course = course.fold(Course::NEW, |course, one| course.after(one == '+', &check));
            assert_eq!(course.health, want, "{answers}");
        }
    }
}
