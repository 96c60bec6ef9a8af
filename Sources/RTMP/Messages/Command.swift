import NIOCore

/// A command message taken apart (RTMP 1.0 §7.2): name, transaction id, command object, arguments.
struct Command: Equatable {
    var name: String
    /// 0 when the sender wants no answer, or sent none.
    var transaction: Double
    /// The command object of `connect`; empty elsewhere.
    var object: AMF0Object
    var arguments: [AMF0Value]

    /// - Throws: `RTMPError` for AMF that is damaged or over its limits, and for a message without a name.
    init(_ message: RTMPMessage) throws(RTMPError) {
        try self.init(message.amfBody)
    }

    init(_ body: ByteBuffer) throws(RTMPError) {
        let values = try AMF0Decoder.values(in: body)
        guard let name = values.first?.string else {
            throw RTMPError(.malformedMessage, "A command has no name.")
        }
        self.name = name
        transaction = values.dropFirst().first?.number ?? 0
        object = values.dropFirst(2).first?.object ?? AMF0Object()
        arguments = Array(values.dropFirst(3))
    }
}
