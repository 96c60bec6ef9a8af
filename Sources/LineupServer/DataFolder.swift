package import Domain
package import Foundation

/// The folder for everything one server keeps. Only its owner may enter; one server at a time holds its lock.
package struct DataFolder: Sendable {
    package let url: URL

    package var controlSocketPath: String { url.appendingPathComponent("control.sock").path }
    /// Tells scripts which ports a running server took: `{"http":8080,"rtmp":1935,"pid":42}`, and
    /// `"rtmps"` when there is that. Gone when it stops.
    package var runningFile: URL { url.appendingPathComponent("serve.json") }
    /// Images and clips that a channel's `slateFile` may name; made by whoever puts one there.
    package var slates: String { url.appendingPathComponent("slates").path }
    private var lockFile: URL { url.appendingPathComponent("lock") }
    private var commandLockFile: URL { url.appendingPathComponent("command.lock") }
    private var instanceFile: URL { url.appendingPathComponent("instance") }
    private var secretKeyFile: URL { url.appendingPathComponent("secret.key") }

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
        // A command that looks whether a server runs (`isServed`) holds it too, for a moment.
        for _ in 0..<10 {
            if let lock = try Self.lock(lockFile) { return lock }
            usleep(5000)
        }
        throw StartError("Another lineup server runs on \(url.path): stop it, or choose another LINEUP_DATA_DIR.")
    }

    /// Takes the folder for a command that works on the database in the server's stead (design §4, One truth): as long as it
    /// is held, no other such command runs and no server goes beyond `waitForCommands`.
    ///
    /// - Returns: `nil` when a server runs, which is then the one to ask.
    /// - Throws: `StartError` when another command holds it for `Self.commandPatience`.
    package func lockForCommand() async throws -> Lock? {
        let lock = try await commandLock()
        return isServed() ? nil : lock
    }

    /// Called by a server that has the folder: returns when no command works on the database any more.
    /// - Throws: `StartError` when one does for `Self.commandPatience`.
    package func waitForCommands() async throws {
        _ = try await commandLock()
    }

    /// How long a command may keep another command or a starting server waiting.
    private static let commandPatience = Duration.seconds(30)

    private func commandLock() async throws -> Lock {
        let deadline = ContinuousClock.now + Self.commandPatience
        while true {
            if let lock = try Self.lock(commandLockFile) { return lock }
            guard ContinuousClock.now < deadline else {
                throw StartError("Another lineup command works on \(url.path) and does not end: stop it.")
            }
            // A file lock tells nobody that it is free; waiting inside flock would hold a thread of the pool.
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// - Returns: `nil` when somebody else holds it.
    private static func lock(_ file: URL) throws -> Lock? {
        let descriptor = open(file.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StartError("The lock \(file.path) cannot be opened: \(String(cString: strerror(errno))).")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            return nil
        }
        return Lock(descriptor: descriptor)
    }

    /// Whether some server holds the lock.
    package func isServed() -> Bool {
        let descriptor = open(lockFile.path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        // Shared, so that two who look at the same moment do not see each other.
        if flock(descriptor, LOCK_SH | LOCK_NB) == 0 {
            flock(descriptor, LOCK_UN)
            return false
        }
        return true
    }

    /// Who this folder's server is among those on one database (design §4, Ownership): made at the first call, the same ever
    /// after. Called only by whoever holds one of the locks. A copy of the folder must not run beside it on one database.
    ///
    /// - Throws: `StartError` when it cannot be read or written.
    package func instance() throws -> InstanceID {
        if let data = FileManager.default.contents(atPath: instanceFile.path) {
            let text = String(decoding: data, as: UTF8.self)
            guard let id = InstanceID(text.prefix { !$0.isNewline }) else {
                throw StartError("\(instanceFile.path) holds no identifier: delete it, and the server makes a new one.")
            }
            return id
        }
        let id = InstanceID.random()
        do {
            try Data((id.description + "\n").utf8).write(to: instanceFile, options: .atomic)
        } catch {
            throw StartError("\(instanceFile.path) cannot be written: make the data folder yours.")
        }
        return id
    }

    /// What stored secrets are encrypted with where `LINEUP_SECRET_KEY` is not set (design §6): 256 random bits, made at the
    /// first call, readable by their owner only. Lost with the folder, and the stored secrets with it.
    ///
    /// - Throws: `StartError` when the file cannot be made, read, or is open to others.
    package func secretKey(random: any RandomBytes) throws -> Secret {
        let path = secretKeyFile.path
        let made = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if made >= 0 {
            let digits = random.bytes(32).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            let handle = FileHandle(fileDescriptor: made, closeOnDealloc: true)
            do {
                try handle.write(contentsOf: Data((digits + "\n").utf8))
                try handle.synchronize()
            } catch {
                unlink(path)
                throw StartError("\(path) cannot be written: make room in the data folder.")
            }
            return Secret(digits)
        }
        guard errno == EEXIST, let attributes = try? FileManager.default.attributesOfItem(atPath: path),
            let mode = attributes[.posixPermissions] as? Int, let data = FileManager.default.contents(atPath: path)
        else { throw StartError("\(path) cannot be made or read: make the data folder yours.") }
        guard mode & 0o077 == 0 else {
            throw StartError("\(path) can be read by others: run chmod 600 on it, and think of its contents as known.")
        }
        let text = String(decoding: data, as: UTF8.self).prefix { !$0.isNewline }
        guard text.count == 64, text.allSatisfy(\.isHexDigit) else {
            throw StartError(
                "\(path) holds no key: put the right file back, or delete it and enter the stored secrets again.")
        }
        return Secret(String(text))
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
