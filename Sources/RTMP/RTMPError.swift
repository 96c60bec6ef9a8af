/// What a peer did wrong. The message goes into logs and to the peer, so it holds no key and none of the peer's text.
package struct RTMPError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable, CaseIterable {
        /// The first byte of the handshake asks for a version that is not RTMP's 3.
        case handshakeVersion
        /// A chunk header that the stream so far does not allow.
        case malformedChunk
        /// Set Chunk Size outside the limits.
        case chunkSize
        case tooManyChunkStreams
        /// A declared message length over its kind's limit.
        case messageTooLarge
        /// Messages begun and not ended hold more than is granted.
        case tooMuchHeld
        case malformedAMF
        /// AMF nests deeper, or holds more values, than is granted.
        case amfLimit
        case malformedMessage
        /// Audio, video or metadata without an accepted publish.
        case mediaBeforePublish
        /// More bytes or messages before the publish than any encoder needs.
        case tooMuchBeforePublish
        /// It asks on and does not read what it is answered.
        case answersUnread
        /// Timestamps ran further than any broadcast can.
        case timestampRange
        case malformedFile
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { "\(code.rawValue): \(message)" }
}
