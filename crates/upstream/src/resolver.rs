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

/// Asks the machine's own resolver, and refuses a name that leads where no service is.
pub(crate) struct Guarded;

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses = check(found.collect())?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
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

    #[test]
    fn a_name_with_one_address_out_of_bounds_is_refused_as_a_whole() {
        let address = |text: &str| SocketAddr::new(text.parse().unwrap(), 0);
        let mixed = vec![address("10.1.2.3"), address("169.254.169.254")];
        let refusal = check(mixed).unwrap_err().to_string();
        assert!(refusal.contains("leads to 169.254.169.254"), "{refusal}");
        assert!(check(vec![address("10.1.2.3")]).is_ok());
    }
}
