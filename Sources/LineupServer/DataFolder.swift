package import Foundation

/// The folder for everything one server keeps. Only its owner may enter; one server at a time holds its lock.
package struct DataFolder: Sendable {
    package let url: URL

    package var controlSocketPath: String { url.appendingPathComponent("control.sock").path }
    /// Tells scripts which ports a running server took: `{"http":8080,"rtmp":1935,"pid":42}`, and
    /// `"rtmps"` when there is that. Gone when it stops.
    package var runningFile: URL { url.appendingPathComponent("serve.json") }
    private var lockFile: URL { url.appendingPathComponent("lock") }

    /// Bytes of a Unix socket's path, without the closing zero (`sockaddr_un`).
    private static let longestSocketPath = 107

    package init(_ url: URL) { self.url = url }

    /// Makes the folder when it is missing.
    ///
    /// - Throws: `StartError` that says what to do when it cannot be made or written to.
    package func prepare() throws {
        let surplus = controlSocketPath.utf8.count - Self.longestSocketPath
        guard surplus <= 0 else {
            throw StartError(
                "The path of the data folder \(url.path) is \(surplus) bytes too long for a socket in it: choose a shorter"
                    + " one with LINEUP_DATA_DIR.")
        }
        do {
            try FileManager.default.createDirectory(
                at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        } catch {
            throw StartError(
                "The data folder \(url.path) cannot be made: choose another with LINEUP_DATA_DIR, or make it yours.")
        }
        guard access(url.path, R_OK | W_OK | X_OK) == 0 else {
            throw StartError(
                "The data folder \(url.path) cannot be written to: choose another with LINEUP_DATA_DIR, or make it yours."
            )
        }
    }

    /// Takes the folder for this process; the kernel lets go of it when the process dies, however it dies.
    ///
    /// - Throws: `StartError` when another server holds it.
    package func lock() throws -> Lock {
        let descriptor = open(lockFile.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StartError("The lock \(lockFile.path) cannot be opened: \(String(cString: strerror(errno))).")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw StartError("Another lineup server runs on \(url.path): stop it, or choose another LINEUP_DATA_DIR.")
        }
        return Lock(descriptor: descriptor)
    }

    /// Whether some server holds the lock.
    package func isServed() -> Bool {
        let descriptor = open(lockFile.path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
            flock(descriptor, LOCK_UN)
            return false
        }
        return true
    }

    /// Holds the data folder until it is let go.
    package final class Lock: Sendable {
        private let descriptor: Int32
        init(descriptor: Int32) { self.descriptor = descriptor }
        deinit { close(descriptor) }
    }

    func noteRunning(httpPort: Int, rtmpPort: Int, rtmpsPort: Int?) throws {
        let secure = rtmpsPort.map { #""rtmps":\#($0),"# } ?? ""
        let text = #"{"http":\#(httpPort),"rtmp":\#(rtmpPort),\#(secure)"pid":\#(getpid())}"# + "\n"
        try Data(text.utf8).write(to: runningFile, options: .atomic)
    }

    func noteStopped() { unlink(runningFile.path) }
}

/// Why the server does not start, in one line that says what to do.
package struct StartError: Error, CustomStringConvertible, Equatable {
    package let description: String
    package init(_ description: String) { self.description = description }
}
