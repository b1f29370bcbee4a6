//! The network: interfaces, their addresses, routes, as the kernel tells over netlink. Only looks.

mod dump;

use std::collections::BTreeMap;

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage as Message,
    address::{AddressAttribute, AddressMessage},
    link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage},
    route::{RouteAddress, RouteAttribute, RouteMessage, RouteType, RouteVia},
};
use serde_json::{Map, Value, json};

use super::{
    super::{
        differ,
        plugin::{PluginError, StateDiff, StatePlugin},
    },
    text::namespace,
};
use dump::dump;

/// The network of this process's namespace. Its state has `interfaces` by name, each with `index`, `state`, `mtu`,
/// `mac`, `kind`, `flags` and `addresses` (`"10.0.0.1/24"`), and `routes`: those for packets to others, of all tables,
/// each with `destination`, `gateway`, `interface`, `table`, `protocol`, `scope`, `metric` and `source`; a
/// route over several hops has these in `hops`. What a desired state names is compared, and nothing changed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Net;

impl StatePlugin for Net {
    fn name(&self) -> &'static str {
        "net"
    }

    fn version(&self) -> &'static str {
        "1"
    }

    fn scope(&self) -> String {
        namespace("net")
    }

    fn query_current_state(&self) -> Result<Value, PluginError> {
        let mut interfaces = BTreeMap::new();
        for message in dump(Message::GetLink(LinkMessage::default()))? {
            if let Message::NewLink(link) = message {
                interfaces.insert(link.header.index, interface(&link));
            }
        }
        for message in dump(Message::GetAddress(AddressMessage::default()))? {
            if let Message::NewAddress(address) = message
                && let Some((_, interface)) = interfaces.get_mut(&address.header.index)
                && let Some(addresses) = interface.get_mut("addresses").and_then(Value::as_array_mut)
            {
                addresses.extend(address_of(&address).map(Value::from));
            }
        }
        let mut routes = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut request = RouteMessage::default();
            request.header.address_family = family;
            for message in dump(Message::GetRoute(request))? {
                if let Message::NewRoute(route) = message {
                    routes.extend(route_of(&route, &interfaces));
                }
            }
        }
        routes.sort_by_cached_key(crate::canonical::canonical);
        let interfaces: Map<String, Value> = interfaces.into_values().collect();
        Ok(json!({ "interfaces": interfaces, "routes": routes }))
    }

    fn calculate_diff(&self, current: &Value, desired: &Value) -> Result<StateDiff, PluginError> {
        if !desired.is_object() {
            return Err(PluginError::new("expected an object with `interfaces`, `routes` or both"));
        }
        Ok(StateDiff::new(self.name(), current, desired, differ::named(current, desired)))
    }
}

/// Interfaces by index: name, and what is known.
type Interfaces = BTreeMap<u32, (String, Value)>;

fn interface(link: &LinkMessage) -> (String, Value) {
    let mut name = format!("#{}", link.header.index);
    let mut fields = Map::new();
    let mut set = |key: &str, value: Value| fields.insert(key.to_owned(), value);
    set("index", link.header.index.into());
    set("addresses", json!([]));
    let flags = link.header.flags.iter_names().map(|(flag, _)| match flag {
        "LowerUp" => "LOWER_UP".to_owned(),
        "Controller" => "MASTER".to_owned(),
        "Port" => "SLAVE".to_owned(),
        other => other.to_uppercase(),
    });
    let flags: Vec<String> = flags.collect();
    set("flags", flags.into());
    for attribute in &link.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name.clone_from(text),
            LinkAttribute::Mtu(mtu) => drop(set("mtu", (*mtu).into())),
            LinkAttribute::Address(bytes) => drop(set("mac", mac(bytes).into())),
            LinkAttribute::OperState(state) => drop(set("state", state.to_string().to_lowercase().into())),
            LinkAttribute::Controller(index) => drop(set("master", (*index).into())),
            LinkAttribute::LinkInfo(infos) => {
                let kind = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(InfoKind::to_string(kind)),
                    _ => None,
                });
                kind.map(|kind| set("kind", kind.into()));
            }
            _ => {}
        }
    }
    (name, Value::Object(fields))
}

fn mac(bytes: &[u8]) -> String {
    let parts: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(":")
}

/// `10.0.0.1/24`. At the end of a point-to-point link the own address is the local one.
fn address_of(message: &AddressMessage) -> Option<String> {
    let (mut local, mut address) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(ip),
            AddressAttribute::Address(ip) => address = Some(ip),
            _ => {}
        }
    }
    local.or(address).map(|ip| format!("{ip}/{}", message.header.prefix_len))
}

/// `None`: a route that is not for packets to others, or one that was only looked up.
fn route_of(route: &RouteMessage, interfaces: &Interfaces) -> Option<Value> {
    let header = &route.header;
    let kind = match header.kind {
        RouteType::Local | RouteType::Broadcast | RouteType::Anycast | RouteType::Multicast => return None,
        kind => format!("{kind:?}").to_lowercase(),
    };
    let mut fields = hop(&route.attributes, None, interfaces);
    // What an attribute says comes before what the header does.
    let mut set = |key: &str, value: Value| {
        fields.entry(key).or_insert(value);
    };
    set("type", kind.into());
    set("protocol", header.protocol.to_string().to_lowercase().into());
    set("scope", header.scope.to_string().to_lowercase().into());
    let nothing = if header.address_family == AddressFamily::Inet { "0.0.0.0" } else { "::" };
    let mut destination = nothing.to_owned();
    for attribute in &route.attributes {
        match attribute {
            RouteAttribute::Destination(address) => destination = shown(address),
            RouteAttribute::Priority(metric) => set("metric", (*metric).into()),
            RouteAttribute::PrefSource(address) => set("source", shown(address).into()),
            RouteAttribute::Table(table) => set("table", (*table).into()),
            RouteAttribute::MultiPath(hops) => {
                let hops = hops
                    .iter()
                    .map(|one| Value::Object(hop(&one.attributes, Some(one.interface_index), interfaces)));
                set("hops", hops.collect());
            }
            _ => {}
        }
    }
    set("destination", format!("{destination}/{}", header.destination_prefix_length).into());
    set("table", header.table.into());
    Some(Value::Object(fields))
}

/// Where packets go next.
fn hop(attributes: &[RouteAttribute], index: Option<u32>, interfaces: &Interfaces) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut index = index;
    for attribute in attributes {
        match attribute {
            RouteAttribute::Gateway(address) => {
                fields.insert("gateway".to_owned(), shown(address).into());
            }
            RouteAttribute::Via(RouteVia::Inet(ip)) => {
                fields.insert("gateway".to_owned(), ip.to_string().into());
            }
            RouteAttribute::Via(RouteVia::Inet6(ip)) => {
                fields.insert("gateway".to_owned(), ip.to_string().into());
            }
            RouteAttribute::Oif(oif) => index = Some(*oif),
            _ => {}
        }
    }
    if let Some(index) = index {
        let name = interfaces.get(&index).map_or_else(|| format!("#{index}"), |(name, _)| name.clone());
        fields.insert("interface".to_owned(), name.into());
    }
    fields
}

fn shown(address: &RouteAddress) -> String {
    match address {
        RouteAddress::Inet(ip) => ip.to_string(),
        RouteAddress::Inet6(ip) => ip.to_string(),
        other => format!("{other:?}"),
    }
}
