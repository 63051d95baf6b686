//! What is said of Services that load balancers do not take, or do not reach.

/// What no load balancer takes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unroutable {
    /// DNS has no such name.
    #[error(
        "has the host `{label}.{domain}`, whose first part has {} characters, and DNS takes {max}: call the Service or the App \
         something shorter",
        label.len()
    )]
    LongLabel {
        label: String,
        domain: String,
        max: usize,
    },
    /// A request can go to one of two.
    #[error("has a host that `services.{other}` has too: a request for it can go to one of them")]
    HostOfAnother { other: String },
    /// It would take names from all other Apps.
    #[error(
        "matches names of the Rack's own domain, which any App can have: name there exactly what is meant"
    )]
    MatchesOthers,
    /// Nothing speaks it.
    #[error(
        "has a scheme that no load balancer here speaks: use `http`, `https`, `grpc` or `secure-grpc`, or `nlb` instead of a \
         `port`"
    )]
    Scheme,
    /// gRPC without TLS.
    #[error(
        "speaks gRPC, which load balancers take over HTTPS only: give the Rack a certificate (its parameter `CertificateArns`)"
    )]
    GrpcWithoutTls,
    /// No path.
    #[error("is no path of a health check: it begins with `/`, and has at most {max} characters")]
    HealthPath { max: usize },
    /// Asked too often, or not often enough.
    #[error("is asked every {interval} seconds: use {least} to {most}")]
    HealthInterval {
        interval: u32,
        least: u32,
        most: u32,
    },
    /// An answer takes too long, or the next question comes before.
    #[error(
        "has {timeout} seconds to answer: use {least} to {most}, and less than the interval of {interval}"
    )]
    HealthTimeout {
        timeout: u32,
        least: u32,
        most: u32,
        interval: u32,
    },
    /// Connections end in an hour at most.
    #[error("is more than the {max} seconds that load balancers wait")]
    Drain { max: u32 },
    /// A load balancer of another region cannot have it.
    #[error("is of another region than the load balancer, which takes certificates of its own")]
    CertificateElsewhere,
    /// A load balancer has as many listeners already.
    #[error(
        "is one more than the {max} listeners that a load balancer has: all Services share the one of a `scheme`"
    )]
    TooManyListeners { max: usize },
    /// The group of a load balancer has as many rules already.
    #[error(
        "lets in one network more than the {max} that a load balancer's security group takes, of all listeners of a `scheme` \
         together; without `allow_cidr` an internal listener counts {private}"
    )]
    TooManyNetworks { max: usize, private: usize },
    /// ECS attaches a service to so many target groups.
    #[error(
        "is to be attached to {count} target groups, one for each of `nlb`, one for each load balancer of the Rack and {others} \
         of others, and ECS takes {max}"
    )]
    TooManyGroups {
        count: usize,
        others: usize,
        max: usize,
    },
}

/// Why a Service is not reached, which stops no promote.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreached {
    /// There is nothing to send to.
    #[error(
        "is reached by no load balancer of the Rack: only what has a `port`, is no `agent` and has no ECS service of app.json \
         is"
    )]
    NothingToSendTo,
    /// There is no load balancer on the internet.
    #[error("is not reached from the internet: the Rack has no public load balancer")]
    NotPublic,
    /// There is none inside.
    #[error("is not reached from inside the network: the Rack has no internal load balancer")]
    NotInternal,
    /// It has no name.
    #[error("is not reached: it has no `domain`, and the Rack's parameter `Domain` is not set")]
    NoHost,
}

/// Why listeners of a Service are not made, which stops no promote.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unconnected {
    /// Its ECS service is not the App's, or runs on every instance.
    #[error("has no effect: load balancers send to no agent, and to no ECS service of app.json")]
    NotOurs,
    /// There is no network.
    #[error("has no effect: the Rack names no network; set its parameter `Vpc`")]
    NoVpc,
    /// There are no subnets that the internet reaches.
    #[error(
        "is not reached from the internet: the Rack names no subnets of public load balancers; set its parameter \
         `LoadBalancerSubnets`"
    )]
    NotPublic,
    /// There are no subnets.
    #[error(
        "is not reached from inside the network: the Rack names no subnets; set its parameter `Subnets`"
    )]
    NotInternal,
}
