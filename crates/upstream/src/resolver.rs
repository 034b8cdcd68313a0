//! Where a connection's name may lead.
//!
//! Calls go to the addresses that this resolver gives and to no others: what was checked is what is used, whatever
//! the name server says a moment later. Addresses of the inner network are right, since services live there; those
//! under which a machine tells about itself and its keys are not.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Looks a name up, and refuses one that leads where no service is.
pub(crate) struct Guarded<L>(pub(crate) L);

impl<L, F> Resolve for Guarded<L>
where
    L: Fn(String) -> F + Send + Sync + 'static,
    F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
{
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.0(name.as_str().to_owned());
        Box::pin(async move {
            let addresses = check(found.await?)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Asks the machine's own resolver.
pub(crate) async fn machine(name: String) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((name, 0)).await?.collect())
}

/// All addresses of a name, unless one of them is out of bounds.
fn check(found: Vec<SocketAddr>) -> io::Result<Vec<SocketAddr>> {
    match found.iter().find(|address| is_out_of_bounds(address.ip())) {
        None => Ok(found),
        Some(address) => Err(io::Error::other(format!(
            "the name leads to {}, which is no address of a service",
            address.ip()
        ))),
    }
}

/// Where clouds tell a machine about itself, other than under a link-local address.
const METADATA: [IpAddr; 3] = [
    // Alibaba Cloud, Oracle Cloud, AWS.
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// Whether no call may go there.
pub(crate) fn is_out_of_bounds(address: IpAddr) -> bool {
    if METADATA.contains(&address) {
        return true;
    }
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local() || v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast()
        }
        IpAddr::V6(v6) => match within(v6) {
            Some(v4) => is_out_of_bounds(IpAddr::V4(v4)),
            None => v6.is_unicast_link_local() || v6.is_unspecified() || v6.is_multicast(),
        },
    }
}

/// The IPv4 address that an IPv6 one stands for: mapped (::ffff:0:0/96), or behind NAT64 (64:ff9b::/96).
fn within(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = v6.segments();
    let is_nat64 = [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0];
    let [one, two] = high.to_be_bytes();
    let [three, four] = low.to_be_bytes();
    let translated = is_nat64.then(|| Ipv4Addr::new(one, two, three, four));
    v6.to_ipv4_mapped().or(translated)
}

#[cfg(test)]
mod tests {
    use std::{
        error::Error as _,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
    };

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    #[test]
    fn services_live_in_inner_networks_and_metadata_does_not_count() {
        for (address, expected) in [
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("192.168.1.1", false),
            ("93.184.215.14", false),
            ("::1", false),
            ("fd12:3456::1", false),
            ("169.254.169.254", true),
            ("169.254.170.2", true),
            ("100.100.100.200", true),
            ("0.0.0.0", true),
            ("224.0.0.1", true),
            ("255.255.255.255", true),
            ("::", true),
            ("fe80::1", true),
            ("ff02::1", true),
            ("fd00:ec2::254", true),
            ("::ffff:169.254.169.254", true),
            ("64:ff9b::a9fe:a9fe", true),
            ("::ffff:10.1.2.3", false),
        ] {
            assert_eq!(
                is_out_of_bounds(address.parse().unwrap()),
                expected,
                "{address}"
            );
        }
    }

    /// A service on loopback: where it is, and how many connections it has had.
    async fn service() -> (u16, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
        });
        (port, connections)
    }

    /// Calls a service by a name, once for each of these answers of the name server. What came of it, how many
    /// connections the service had, and how often the name server was asked.
    async fn call(answers: &[&[&str]]) -> (Vec<Result<u16, String>>, usize, usize) {
        let (port, connections) = service().await;
        let asked = Arc::new(AtomicUsize::new(0));
        let lookup = {
            let asked = asked.clone();
            let addresses = |texts: &&[&str]| {
                let addresses = texts.iter().map(|text| text.parse::<IpAddr>().unwrap());
                addresses
                    .map(|address| SocketAddr::new(address, 0))
                    .collect()
            };
            let answers: Vec<Vec<SocketAddr>> = answers.iter().map(addresses).collect();
            move |name: String| {
                assert_eq!(name, "service.test");
                let answer = answers[asked.fetch_add(1, Ordering::Relaxed)].clone();
                async { Ok(answer) }
            }
        };
        let client = reqwest::Client::builder()
            .tls_certs_only([])
            .no_proxy()
            .dns_resolver(Arc::new(Guarded(lookup)))
            .build()
            .unwrap();
        let mut said = Vec::new();
        for _ in answers {
            let answer = client
                .get(format!("http://service.test:{port}/"))
                .send()
                .await;
            said.push(match answer {
                Ok(answer) => Ok(answer.status().as_u16()),
                Err(error) => {
                    let causes = std::iter::successors(error.source(), |cause| (**cause).source());
                    Err(causes.last().unwrap().to_string())
                }
            });
        }
        let (connections, asked) = (&connections, &asked);
        (
            said,
            connections.load(Ordering::Relaxed),
            asked.load(Ordering::Relaxed),
        )
    }

    fn refusal(address: &str) -> Result<u16, String> {
        Err(format!(
            "the name leads to {address}, which is no address of a service"
        ))
    }

    #[tokio::test]
    async fn a_name_with_one_address_out_of_bounds_is_refused_as_a_whole() {
        for (answer, refused) in [
            (&["169.254.169.254"][..], "169.254.169.254"),
            (&["127.0.0.1", "169.254.169.254"], "169.254.169.254"),
            (&["127.0.0.1", "::1", "fd00:ec2::254"], "fd00:ec2::254"),
            (
                &["::ffff:169.254.169.254", "127.0.0.1"],
                "::ffff:169.254.169.254",
            ),
            (&["fe80::1"], "fe80::1"),
        ] {
            let (said, connections, _) = call(&[answer]).await;
            assert_eq!(
                (said, connections),
                (vec![refusal(refused)], 0),
                "{answer:?}"
            );
        }
    }

    #[tokio::test]
    async fn the_address_that_was_checked_is_the_one_that_is_called() {
        // A name server that says something else the moment after it was asked.
        let (said, connections, asked) =
            call(&[&["127.0.0.1"], &["169.254.169.254"], &["127.0.0.1"]]).await;
        assert_eq!(said, [Ok(200), refusal("169.254.169.254"), Ok(200)]);
        assert_eq!(
            (connections, asked),
            (2, 3),
            "one question a connection, and none behind it"
        );
    }
}
