import Domain
import Glibc
import NIOCore

/// The socket under a connection without TLS, for answers that are handed to the system at once: NIO's queue of pending writes, its
/// promises and its news of writability cost more than the rest of an answer. What the socket does not take is the channel's to
/// write, which also finds out why.
///
/// Used on the channel's event loop, while the channel is active and holds nothing that is not written.
struct DirectSocket {
    private let descriptor: CInt

    /// - Returns: `nil` where the channel has no socket.
    init?(_ channel: any Channel) {
        // On a closed channel it fails, and nothing is answered any more.
        let found = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
        guard let found else { return nil }
        descriptor = found
    }

    /// One behind the other, without a copy.
    /// - Returns: how many bytes went, less than all where the socket is full or broken.
    func send(_ head: ByteBuffer, _ body: DeliveryReply.Body) -> Int {
        switch body.inHand {
        case .none: return write(head, ByteBuffer(), hasMore: false)
        case .bytes(let bytes): return write(head, bytes, hasMore: false)
        case .file(let file, let range):
            let sent = write(head, ByteBuffer(), hasMore: true)
            return sent < head.readableBytes ? sent : sent + send(file, range)
        case .pieces(let pieces):
            var sent = write(head, ByteBuffer(), hasMore: !pieces.isEmpty)
            var wanted = head.readableBytes
            for (index, piece) in pieces.enumerated() {
                guard sent == wanted else { break }
                wanted += piece.count
                switch piece.inHand {
                case .none, .pieces: break
                case .bytes(let bytes): sent += write(bytes, ByteBuffer(), hasMore: index + 1 < pieces.count)
                case .file(let file, let range): sent += send(file, range)
                }
            }
            return sent
        }
    }

    /// - Parameter hasMore: the system waits for it, rather than send a small packet before a file's pages (send(2), MSG_MORE): that is
    ///   a tenth of what a segment costs.
    private func write(_ first: ByteBuffer, _ second: ByteBuffer, hasMore: Bool) -> Int {
        first.withUnsafeReadableBytes { first in
            second.withUnsafeReadableBytes { second in
                var vectors = (Self.vector(first), Self.vector(second))
                return withUnsafeMutableBytes(of: &vectors) { vectors in
                    var message = msghdr()
                    message.msg_iov = vectors.bindMemory(to: iovec.self).baseAddress
                    message.msg_iovlen = second.isEmpty ? 1 : 2
                    let flags = CInt(MSG_NOSIGNAL) | (hasMore ? CInt(MSG_MORE) : 0)
                    return Self.went { sendmsg(descriptor, &message, flags) }
                }
            }
        }
    }

    /// From the file's pages to the socket.
    private func send(_ file: any DeliveredFile, _ range: Range<Int>) -> Int {
        var offset = off_t(range.lowerBound)
        return Self.went { sendfile(descriptor, file.descriptor, &offset, range.count) }
    }

    private static func vector(_ bytes: UnsafeRawBufferPointer) -> iovec {
        // The system reads from it only, in spite of its type.
        iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes.baseAddress), iov_len: bytes.count)
    }

    private static func went(_ call: () -> Int) -> Int {
        while true {
            let count = call()
            guard count < 0 else { return count }
            // Else the channel tries again, and meets itself whatever this is.
            guard errno == EINTR else { return 0 }
        }
    }
}
