import Domain
import Foundation
import Subprocess
import Synchronization
import SystemPackage

/// Makes accounts' pictures in child processes, two at once. Any task may call it; a child is killed when it takes longer than
/// its time limit or gives more than its bound.
package final class PictureWorkerMaker: PictureMaking {
    private static let maximumAtOnce = 2
    private static let timeLimit: Duration = .seconds(20)
    private static let maximumOutputBytes = 256 * 1024

    /// More children at once than that: the person is asked to try again.
    package struct Busy: Error {}

    private let executable: String
    private let arguments: [String]
    private let folder: String
    private let running = Mutex(0)

    /// - Parameters:
    ///   - folder: where the bytes lie, in a file without a name, while the child reads them.
    ///   - executable: by default this very program, even if its file was replaced since it started.
    package init(
        folder: String, executable: String = "/proc/self/exe", arguments: [String] = ["worker", "picture"]
    ) {
        self.folder = folder
        self.executable = executable
        self.arguments = arguments
    }

    package func makePicture(_ bytes: [UInt8]) async throws -> [UInt8] {
        let isFree = running.withLock { count in
            guard count < Self.maximumAtOnce else { return false }
            count += 1
            return true
        }
        guard isFree else { throw Busy() }
        defer { running.withLock { $0 -= 1 } }
        return try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask { try await self.runWorker(bytes) }
            group.addTask {
                try await Task.sleep(for: Self.timeLimit)
                return nil
            }
            // Leaving the group waits for the child, which its cancellation kills.
            defer { group.cancelAll() }
            guard let made = try await group.next() ?? nil else { throw PictureError.notAPicture }
            return made
        }
    }

    private func runWorker(_ bytes: [UInt8]) async throws -> [UInt8] {
        let file = try Self.file(holding: bytes, in: folder)
        // A descriptor that cannot be closed has nobody to tell.
        defer { try? file.close() }
        let result: ExecutionResult<Void, BytesOutput, StringOutput<UTF8>>
        do {
            result = try await Subprocess.run(
                .path(FilePath(executable)), arguments: Arguments(arguments),
                input: .fileDescriptor(file, closeAfterSpawningProcess: false),
                output: .bytes(limit: Self.maximumOutputBytes), error: .string(limit: 65_536))
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            throw MediaError(.workerFailed, "running the picture worker: \(error)")
        }
        try Task.checkCancellation()
        switch result.terminationStatus {
        case .exited(0): break
        // Its own word, or the bytes broke the decoder or its limits: no picture either way.
        default: throw PictureError.notAPicture
        }
        guard result.standardOutput.starts(with: [0xFF, 0xD8, 0xFF]) else {
            throw MediaError(.workerFailed, "the picture worker gave no JPEG")
        }
        return result.standardOutput
    }

    /// Unlinked at once: gone with the last descriptor, whatever happens to us.
    private static func file(holding bytes: [UInt8], in folder: String) throws -> FileDescriptor {
        let path = FilePath(folder + "/.picture-\(UUID().uuidString)")
        let file = try FileDescriptor.open(
            path, .readWrite, options: [.create, .exclusiveCreate, .closeOnExec], permissions: [.ownerReadWrite])
        do {
            unlink(path.string)
            try file.writeAll(bytes)
            try file.seek(offset: 0, from: .start)
        } catch {
            // The first error is the one to tell.
            try? file.close()
            throw error
        }
        return file
    }
}
