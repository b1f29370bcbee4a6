//! One question to the kernel over netlink, and all parts of its answer.

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage as Message;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::super::super::plugin::PluginError;

/// How often an answer is asked for that a change in the middle made inconsistent.
const ATTEMPTS: usize = 5;
/// Bytes before a message's content; the length of the whole stands first.
const HEADER: usize = 16;

/// All that the kernel has of a kind.
pub(super) fn dump(question: Message) -> Result<Vec<Message>, PluginError> {
    let mut packet = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(question));
    packet.header.flags = NLM_F_DUMP | NLM_F_REQUEST;
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    for _ in 0..ATTEMPTS {
        if let Some(messages) = ask(&bytes)? {
            return Ok(messages);
        }
    }
    Err(PluginError::new("the network changes while it is looked at; try again"))
}

/// `None`: something changed in the middle.
fn ask(question: &[u8]) -> Result<Option<Vec<Message>>, PluginError> {
    let failed = |error| PluginError(format!("cannot ask the kernel over netlink: {error}"));
    let mut socket = Socket::new(NETLINK_ROUTE).map_err(failed)?;
    socket.bind_auto().map_err(failed)?;
    socket.connect(&SocketAddr::new(0, 0)).map_err(failed)?;
    socket.send(question, 0).map_err(failed)?;
    let (mut messages, mut is_consistent) = (Vec::new(), true);
    loop {
        let (datagram, _) = socket.recv_from_full().map_err(failed)?;
        let mut rest = datagram.as_slice();
        while let Some(one) = first(rest) {
            let message = NetlinkMessage::<Message>::deserialize(one)
                .map_err(|error| PluginError(format!("the kernel said what is not understood: {error}")))?;
            is_consistent &= message.header.flags & NLM_F_DUMP_INTR == 0;
            match message.payload {
                NetlinkPayload::Done(_) => return Ok(is_consistent.then_some(messages)),
                NetlinkPayload::Error(error) => return Err(failed(error.to_io())),
                NetlinkPayload::InnerMessage(message) => messages.push(message),
                _ => {}
            }
            // Messages begin at multiples of four bytes.
            rest = rest.get(one.len().next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// The first message of several.
fn first(bytes: &[u8]) -> Option<&[u8]> {
    let length = u32::from_ne_bytes(*bytes.first_chunk::<4>()?);
    let length = usize::try_from(length).ok().filter(|length| *length >= HEADER)?;
    bytes.get(..length)
}
