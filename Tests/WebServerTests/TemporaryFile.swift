import Domain
import Glibc
import NIOCore

/// A file in the temporary folder that has no name.
final class TemporaryFile: DeliveredFile {
    let descriptor: CInt

    init?() {
        let made = tmpfile()
        guard let made else { return nil }
        descriptor = dup(fileno(made))
        fclose(made)
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) { _ = pwrite(descriptor, bytes, bytes.count, 0) }

    func read(_ range: Range<Int>) -> ByteBuffer {
        var bytes = [UInt8](repeating: 0, count: range.count)
        let count = pread(descriptor, &bytes, range.count, off_t(range.lowerBound))
        return ByteBuffer(bytes: bytes.prefix(max(0, count)))
    }
}
