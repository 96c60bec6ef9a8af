import Domain
import NIOCore

/// Server-Sent Events on the wire (WHATWG HTML §9.2).
enum EventStreamFormat {
    static let contentType = "text/event-stream"

    /// One event. `data` is JSON without line breaks. Without an id the reader's `Last-Event-ID` stays as it is.
    static func event(_ name: String, id: EventID? = nil, data: ByteBuffer) -> ByteBuffer {
        var buffer = ByteBuffer(string: "event: \(name)\n")
        if let id { buffer.writeString("id: \(id)\n") }
        buffer.writeString("data: ")
        buffer.writeImmutableBuffer(data)
        buffer.writeString("\n\n")
        return buffer
    }

    /// Keeps proxies from closing a silent stream, and finds out readers that have gone.
    static let heartbeat = ByteBuffer(string: ": still here\n\n")

    /// How soon a browser comes back after the stream ended, in milliseconds.
    static let retry = ByteBuffer(string: "retry: 2000\n\n")
}
