import NIOCore

/// The messages within an aggregate (RTMP 1.0 §7.1.6), taken out one by one as slices of it; small parts of a
/// large one as copies.
///
///     type 8 · size 24 · timestamp 24 + 8 (highest last) · stream id 24 · body · size of all this 32 · …
///
/// Their timestamps are moved so that the first has the aggregate's own; all belong to the aggregate's stream.
struct AggregateMessage: Sendable {
    private var rest: ByteBuffer
    private let length: Int
    private let streamID: UInt32
    private let timestamp: UInt32
    private var offset: UInt32?

    init(_ message: RTMPMessage) {
        rest = message.payload
        length = rest.readableBytes
        streamID = message.streamID
        timestamp = message.timestamp
    }

    /// - Returns: `nil` at the end.
    /// - Throws: `RTMPError(.malformedMessage)` when one ends beyond the aggregate or is an aggregate itself.
    mutating func next() throws(RTMPError) -> RTMPMessage? {
        guard rest.readableBytes > 0 else { return nil }
        guard let type = rest.readInteger(as: UInt8.self), let size = rest.readUInt24(),
            let low = rest.readUInt24(), let high = rest.readInteger(as: UInt8.self), rest.readUInt24() != nil,
            let body = rest.readSlice(length: Int(size)), type != MessageType.aggregate
        else { throw RTMPError(.malformedMessage, "An aggregate message holds what is no message.") }
        _ = rest.readInteger(as: UInt32.self)  // For players that go backwards; some writers leave the last out.
        let own = UInt32(high) << 24 | low
        let offset = self.offset ?? timestamp &- own
        self.offset = offset
        return RTMPMessage(type: type, streamID: streamID, timestamp: own &+ offset, payload: body.alone(outOf: length))
    }
}
