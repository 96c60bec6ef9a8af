package import NIOCore

/// The kinds of message this server knows (RTMP 1.0 §5.4, §7.1).
package enum MessageType {
    package static let setChunkSize: UInt8 = 1
    package static let abort: UInt8 = 2
    package static let acknowledgement: UInt8 = 3
    package static let userControl: UInt8 = 4
    package static let windowAcknowledgementSize: UInt8 = 5
    package static let setPeerBandwidth: UInt8 = 6
    package static let audio: UInt8 = 8
    package static let video: UInt8 = 9
    package static let dataAMF3: UInt8 = 15
    package static let commandAMF3: UInt8 = 17
    package static let dataAMF0: UInt8 = 18
    package static let commandAMF0: UInt8 = 20
    package static let aggregate: UInt8 = 22

    /// Whether messages of this kind may be as large as a picture.
    static func isMedia(_ type: UInt8) -> Bool { type == audio || type == video || type == aggregate }
}

/// One whole message, put together from its chunks.
package struct RTMPMessage: Equatable, Sendable {
    package var type: UInt8
    package var streamID: UInt32
    /// In milliseconds from the stream's own zero; wraps every 49.7 days.
    package var timestamp: UInt32
    package var payload: ByteBuffer

    package init(type: UInt8, streamID: UInt32, timestamp: UInt32, payload: ByteBuffer) {
        self.type = type
        self.streamID = streamID
        self.timestamp = timestamp
        self.payload = payload
    }
}

extension ByteBuffer {
    /// A copy where these bytes are a small part of a large message (one track of several, one message of an aggregate), which
    /// whoever keeps them would keep too.
    /// - Parameter length: the message's, in bytes.
    func alone(outOf length: Int) -> ByteBuffer {
        guard length > ChunkDecoder.largeRoomBytes, readableBytes < length / 4 else { return self }
        var copy = ByteBufferAllocator().buffer(capacity: readableBytes)
        copy.writeImmutableBuffer(self)
        return copy
    }
}

extension RTMPMessage {
    /// The AMF values of a command or data message, whichever of its two types it has.
    ///
    /// The types "AMF3" are AMF 0 behind a zero byte, whose values may switch to AMF 3 one by one; that is what Flash-era encoders
    /// send. Data messages of that type come without the byte too.
    var amfBody: ByteBuffer {
        guard type == MessageType.commandAMF3 || type == MessageType.dataAMF3,
            payload.getInteger(at: payload.readerIndex, as: UInt8.self) == 0
        else { return payload }
        return payload.getSlice(at: payload.readerIndex + 1, length: payload.readableBytes - 1) ?? payload
    }
}
