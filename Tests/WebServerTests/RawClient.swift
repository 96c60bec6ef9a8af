import NIOCore
import NIOPosix

/// A connection that sends exactly the bytes a test writes. One per use; any task.
struct RawConnection {
    private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// Connects, runs `body` with reader and writer, and closes.
    static func open<Value>(
        port: Int, group: any EventLoopGroup, receiveBuffer: Int? = nil,
        _ body: (inout Reader, NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws -> Value
    ) async throws -> Value {
        var bootstrap = ClientBootstrap(group: group).channelOption(.allowRemoteHalfClosure, value: true)
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            var reader = Reader(bytes: inbound.makeAsyncIterator())
            return try await body(&reader, outbound)
        }
    }

    /// What came so far, and what comes.
    struct Reader {
        fileprivate var bytes: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        var text = ""
        /// The same as it came, but for what was forgotten.
        private(set) var raw = ByteBuffer()

        fileprivate init(bytes: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator) { self.bytes = bytes }

        private mutating func take(_ next: ByteBuffer) {
            text += String(buffer: next)
            raw.writeImmutableBuffer(next)
        }

        mutating func forget() {
            text = ""
            raw.clear()
        }

        /// Reads until `text` contains `mark`; `false` when the peer closed before.
        mutating func read(until mark: String) async throws -> Bool {
            while !text.contains(mark) {
                guard let next = try await bytes.next() else { return false }
                take(next)
            }
            return true
        }

        /// Reads what comes next; `false` when the peer closed before.
        mutating func readMore() async throws -> Bool {
            guard let next = try await bytes.next() else { return false }
            take(next)
            return true
        }

        /// Reads until the peer closes; a reset ends it as well.
        mutating func readToEnd() async {
            while let next = try? await bytes.next() { take(next) }
        }

        /// Forgets what was read, up to and with `mark`.
        mutating func drop(through mark: String) {
            guard let range = text.firstRange(of: mark) else { return }
            text.removeSubrange(..<range.upperBound)
        }
    }
}

/// An answer as it stood on the wire.
struct RawAnswer {
    var status: Int
    /// Lower-case names; a repeated header keeps its values, one per line.
    var headers: [String: String] = [:]
    var body: String

    init?(_ text: String) {
        guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
        var lines = text[..<end.lowerBound].split(separator: "\r\n", omittingEmptySubsequences: false)[...]
        guard let first = lines.popFirst(), let code = first.split(separator: " ").dropFirst().first,
            let status = Int(code)
        else { return nil }
        self.status = status
        for line in lines {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2 else { continue }
            let name = parts[0].lowercased()
            let value = String(parts[1].drop { $0 == " " })
            headers[name] = headers[name].map { $0 + "\n" + value } ?? value
        }
        body = String(text[end.upperBound...])
    }
}
