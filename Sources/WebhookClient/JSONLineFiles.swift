private import Dispatch
package import Domain
package import Foundation
private import Synchronization

/// Files of lines in one folder, appended to and rotated. A queue a file, because a disk may block: then only that file's target
/// waits.
///
/// Mode 0640. A file that would grow beyond `maximumBytes` becomes `NAME.1`, that one `NAME.2`, up to `NAME.5`; older ones are
/// removed. A line that a crash cut short gets its line break before the next.
package final class JSONLineFiles: LineFiles {
    package static let kept = 5

    private let folder: URL
    private let maximumBytes: Int
    private let queues = Mutex<[String: DispatchQueue]>([:])

    package init(folder: URL, maximumBytes: Int = 64 * 1024 * 1024) {
        self.folder = folder
        self.maximumBytes = maximumBytes
    }

    package func append(_ lines: [[UInt8]], to file: String) async throws(LineFileError) {
        let queue = queues.withLock { queues in
            if let queue = queues[file] { return queue }
            let queue = DispatchQueue(label: "lines")
            queues[file] = queue
            return queue
        }
        let result: Result<Void, LineFileError> = await withCheckedContinuation { continuation in
            queue.async {
                do {
                    try self.write(lines, file)
                    continuation.resume(returning: .success(()))
                } catch {
                    continuation.resume(
                        returning: .failure(
                            LineFileError(
                                "the file \(file) cannot be written: make room, or make its folder writable")))
                }
            }
        }
        try result.get()
    }

    private func write(_ lines: [[UInt8]], _ file: String) throws {
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o750])
        let url = folder.appendingPathComponent(file, isDirectory: false)
        var bytes = Data()
        for line in lines {
            bytes.append(contentsOf: line)
            bytes.append(UInt8(ascii: "\n"))
        }
        // No file yet: nothing to move.
        let attributes = try? FileManager.default.attributesOfItem(atPath: url.path)
        let size = (attributes?[.size] as? NSNumber)?.intValue ?? 0
        if size > 0, size + bytes.count > maximumBytes { try rotate(url) }
        let descriptor = open(url.path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw CocoaError(.fileWriteNoPermission) }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        let end = try handle.seekToEnd()
        if end > 0 {
            try handle.seek(toOffset: end - 1)
            if try handle.read(upToCount: 1)?.first != UInt8(ascii: "\n") { bytes.insert(UInt8(ascii: "\n"), at: 0) }
        }
        try handle.write(contentsOf: bytes)
        try handle.synchronize()
        try handle.close()
    }

    private func rotate(_ url: URL) throws {
        func older(_ number: Int) -> String { url.path + ".\(number)" }
        if FileManager.default.fileExists(atPath: older(Self.kept)) {
            try FileManager.default.removeItem(atPath: older(Self.kept))
        }
        for number in (1..<Self.kept).reversed() where FileManager.default.fileExists(atPath: older(number)) {
            try FileManager.default.moveItem(atPath: older(number), toPath: older(number + 1))
        }
        try FileManager.default.moveItem(atPath: url.path, toPath: older(1))
    }
}
