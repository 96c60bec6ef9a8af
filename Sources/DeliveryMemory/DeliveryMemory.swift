import CDelivery
package import Domain
package import NIOCore
import Glibc
import Synchronization

/// What the host gives to whoever delivers files: memory files that the kernel sends from by itself, and gzip.
///
/// Any thread. No call blocks: a memory file is never written to a disk.
package struct HostDeliveryMemory: DeliveryMemoryMaker {
    package init() {}

    package func makeFile() -> (any GrowingFile)? { MemoryFile() }

    /// RFC 1952 at zlib's usual level: a playlist of 4 KB becomes 700 bytes in 60 microseconds.
    package func gzip(_ bytes: ByteBuffer) -> ByteBuffer? {
        var stream = z_stream()
        guard lineup_deflate_init_gzip(&stream, 6) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, UInt(bytes.readableBytes)))
        var output = ByteBuffer()
        let status = bytes.withUnsafeReadableBytes { input in
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { room in
                // zlib reads from it only, in spite of its type.
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.avail_in = UInt32(clamping: input.count)
                stream.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_out = UInt32(clamping: room.count)
                return deflate(&stream, Z_FINISH) == Z_STREAM_END ? Int(stream.total_out) : 0
            }
        }
        return status > 0 ? output : nil
    }
}

/// An anonymous file in memory (`memfd_create(2)`), closed with the object.
///
/// Written by one thread, at its end only; what was written is read by any.
package final class MemoryFile: GrowingFile {
    package let descriptor: CInt
    private let length = Atomic<Int>(0)

    /// `nil` when the process has no descriptor left.
    package init?() {
        descriptor = lineup_memfd_create("lineup-media")
        guard descriptor >= 0 else { return nil }
    }

    deinit {
        // Nobody is left to tell, and memory has no write that could fail late.
        if descriptor >= 0 { _ = close(descriptor) }
    }

    package func append(_ bytes: ByteBuffer) -> Bool {
        let isWritten = bytes.withUnsafeReadableBytes { source in
            var done = 0
            while done < source.count {
                let count = pwrite(
                    descriptor, source.baseAddress?.advanced(by: done), source.count - done,
                    off_t(length.load(ordering: .relaxed) + done))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                done += count
            }
            return true
        }
        if isWritten { length.add(bytes.readableBytes, ordering: .releasing) }
        return isWritten
    }

    package func read(_ range: Range<Int>) -> ByteBuffer {
        let range = range.clamped(to: 0..<length.load(ordering: .acquiring))
        var bytes = ByteBuffer()
        guard !range.isEmpty else { return bytes }
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: range.count) { room in
            var done = 0
            while done < range.count {
                let count = pread(
                    descriptor, room.baseAddress?.advanced(by: done), range.count - done,
                    off_t(range.lowerBound + done))
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                done += count
            }
            return done
        }
        return bytes
    }
}
