private import Foundation
import Logging

/// Makes a cluster's files: the cluster itself, who may connect, the log.
struct ClusterInitializer: Sendable {
    let layout: ClusterLayout
    let programs: ClusterPrograms
    let roleName: String
    let isDurable: Bool
    let logger: Logger

    /// The programs that fit: for an existing cluster those of its own major version, which alone can open it.
    static func programs(for layout: ClusterLayout) throws(PostgresError) -> ClusterPrograms {
        guard let text = FileManager.default.contents(atPath: layout.data + "/PG_VERSION"),
            let version = Int(String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        else { return try ClusterPrograms.find() }
        return try ClusterPrograms.find(majorVersion: version)
    }

    /// Runs `initdb` into a folder of another name, which is renamed when it is complete: an interrupted one is swept away
    /// by the next start.
    func makeClusterIfMissing() async throws {
        try sweep()
        guard !FileManager.default.fileExists(atPath: layout.data) else { return }
        logger.info("making the private PostgreSQL", metadata: [LogKey.folder: "\(layout.folder)"])
        let temporary = layout.data + ".new-\(getpid())"
        let output = try Self.openLog(layout)
        defer { close(output) }
        var arguments = [
            "-D", temporary, "-U", roleName, "-A", "peer", "-E", "UTF8", "--locale=C.UTF-8",
        ]
        if !isDurable { arguments.append("--no-sync") }
        let child = try await BoundChild.spawn(
            BoundChild.Command(
                program: programs.initdb, arguments: arguments, identity: layout.identity,
                workingFolder: layout.folder, deathSignal: "KILL", output: output))
        let exit = await child.exit(within: .seconds(120))
        guard exit == .code(0) else {
            child.send(SIGKILL)
            throw PostgresError(.cluster, "initdb failed: \(Self.lastLogLine(layout))")
        }
        guard rename(temporary, layout.data) == 0 else {
            throw PostgresError(.cluster, "\(layout.data) cannot be made: \(String(cString: strerror(errno)))")
        }
    }

    /// Who may connect, each as our role: whoever runs this server, the user it runs PostgreSQL as, and root, who could be
    /// either. Written at each start, since the server may be started by another user than last time.
    func writeAuthentication() throws(PostgresError) {
        let users = Set([Self.name(of: getuid()), layout.identity?.name, "root"].compactMap { $0 })
        let map = users.sorted().map { "lineup \"\($0)\" \(roleName)\n" }.joined()
        try write("local all all peer map=lineup\n", to: "pg_hba.conf")
        try write(map, to: "pg_ident.conf")
    }

    /// Opens the log for a child's output; the former run's becomes `.1`.
    ///
    /// The file is bounded by what PostgreSQL logs at all: no statements, no checkpoints, errors in their terse form.
    static func openLog(_ layout: ClusterLayout) throws(PostgresError) -> Int32 {
        rename(layout.log, layout.log + ".1")
        let descriptor = open(layout.log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw PostgresError(.cluster, "\(layout.log) cannot be opened: \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    /// What PostgreSQL or initdb said last, for an error; at most 300 characters.
    static func lastLogLine(_ layout: ClusterLayout) -> String {
        let text = FileManager.default.contents(atPath: layout.log).map {
            String(decoding: $0.suffix(8192), as: UTF8.self)
        }
        let lines = (text ?? "").split(whereSeparator: \.isNewline)
        let telling = lines.last { $0.contains("FATAL") || $0.contains("error:") } ?? lines.last
        return telling.map { String($0.prefix(300)) } ?? "it said nothing in \(layout.log)"
    }

    private func sweep() throws(PostgresError) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: layout.folder)) ?? []
        for name in names where name.hasPrefix("data.new-") {
            do {
                try FileManager.default.removeItem(atPath: layout.folder + "/" + name)
            } catch {
                throw PostgresError(
                    .cluster, "\(layout.folder)/\(name), left by an interrupted start, cannot be removed")
            }
        }
    }

    private func write(_ text: String, to name: String) throws(PostgresError) {
        let path = layout.data + "/" + name
        do {
            try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw PostgresError(.cluster, "\(path) cannot be written: \(error.localizedDescription)")
        }
        chmod(path, 0o600)
        if let identity = layout.identity { _ = chown(path, identity.user, identity.group) }
    }

    /// The operating system's name of a user, as peer authentication sees it; the number when it has none.
    private static func name(of user: uid_t) -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard getpwuid_r(user, &entry, &buffer, buffer.count, &found) == 0, found != nil, let name = entry.pw_name
        else {
            return String(user)
        }
        return String(cString: name)
    }
}
