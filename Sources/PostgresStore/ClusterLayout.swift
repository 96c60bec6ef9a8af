private import Foundation

/// Where a private cluster's files are, and whom it runs as.
///
/// Below the data folder:
///
///     postgres/               0700, belongs to the user the server runs as
///     postgres/data           the cluster; `data.new-…` while it is made
///     postgres/lock           held by the process that owns the cluster
///     postgres/postgres.log   of this run; `.1` of the one before
///     postgres/run            the socket, when its path fits into 107 bytes
///
/// As root, PostgreSQL runs as whoever the cluster belongs to already, so that an admin's command does not take it away
/// from the user who runs the server; a new one as the user `postgres`. Where that user cannot reach the data folder
/// (`/root`), all of it is `/var/lib/lineup/NAME-HASH`, derived from the data folder's path.
struct ClusterLayout: Sendable, Equatable {
    private static let socketName = "/.s.PGSQL.5432"
    /// `sun_path` without its terminator.
    private static let longestSocketPath = 107

    /// `nil`: as ourselves.
    var identity: BoundChild.Identity?
    var folder: String
    var socketFolder: String

    var data: String { folder + "/data" }
    var lock: String { folder + "/lock" }
    var log: String { folder + "/postgres.log" }
    var socket: String { socketFolder + Self.socketName }

    /// Chooses the places for a data folder, which must exist. Makes nothing.
    /// - Throws: `.programsMissing` when root has no user `postgres`.
    init(dataFolder: String) throws(PostgresError) {
        let path = URL(fileURLWithPath: dataFolder).standardizedFileURL.resolvingSymlinksInPath().path
        var root = path + "/postgres"
        self.identity = getuid() == 0 ? try Self.serverIdentity(cluster: root) : nil
        if let identity, !Self.canReach(path, identity) {
            let name = path.split(separator: "/").last.map(String.init) ?? "data"
            root = "/var/lib/lineup/\(name)-\(Self.hash(of: path))"
        }
        self.folder = root
        self.socketFolder = root + "/run"
        if (socketFolder + Self.socketName).utf8.count > Self.longestSocketPath {
            self.socketFolder = (getuid() == 0 ? "/run" : "/tmp") + "/lineup-\(getuid())-\(Self.hash(of: root))"
        }
    }

    /// Makes the folders, 0700 and of the right user.
    /// - Throws: `.cluster` naming the folder that cannot be made or belongs to somebody else.
    func makeFolders() throws(PostgresError) {
        for path in [folder, socketFolder] {
            do {
                let parent = URL(fileURLWithPath: path).deletingLastPathComponent()
                try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: true)
                if mkdir(path, 0o700) != 0 && errno != EEXIST { throw CocoaError(.fileWriteUnknown) }
            } catch {
                throw PostgresError(
                    .cluster, "the folder \(path) cannot be made: choose a data folder that is writable")
            }
            try claim(path)
        }
    }

    /// A folder under `/tmp` could have been put there by somebody else: it must be a real folder of ours.
    private func claim(_ path: String) throws(PostgresError) {
        var status = stat()
        let owner = identity?.user ?? getuid()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
            [owner, getuid()].contains(status.st_uid)
        else { throw PostgresError(.cluster, "\(path) belongs to another user: remove it or choose another folder") }
        if let identity { _ = lchown(path, identity.user, identity.group) }
        guard chmod(path, 0o700) == 0 else {
            throw PostgresError(.cluster, "the permissions of \(path) cannot be set")
        }
    }

    private static func serverIdentity(cluster: String) throws(PostgresError) -> BoundChild.Identity {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        var status = stat()
        if lstat(cluster, &status) == 0, status.st_uid != 0,
            getpwuid_r(status.st_uid, &entry, &buffer, buffer.count, &found) == 0, found != nil,
            let name = entry.pw_name
        {
            return BoundChild.Identity(user: entry.pw_uid, group: entry.pw_gid, name: String(cString: name))
        }
        guard getpwnam_r("postgres", &entry, &buffer, buffer.count, &found) == 0, found != nil else {
            throw PostgresError(
                .programsMissing, "there is no user 'postgres': install the Debian package postgresql")
        }
        return BoundChild.Identity(user: entry.pw_uid, group: entry.pw_gid, name: "postgres")
    }

    /// Whether `identity` may enter every folder on the way to `path`, by the permission bits.
    private static func canReach(_ path: String, _ identity: BoundChild.Identity) -> Bool {
        var current = ""
        for part in [""] + path.split(separator: "/").map({ "/" + $0 }) {
            current += part
            var status = stat()
            guard stat(current.isEmpty ? "/" : current, &status) == 0 else { return false }
            let bit: mode_t =
                status.st_uid == identity.user ? S_IXUSR : status.st_gid == identity.group ? S_IXGRP : S_IXOTH
            guard status.st_mode & bit != 0 else { return false }
        }
        return true
    }

    /// FNV-1a over the path: short, stable between runs; not a secret.
    private static func hash(of text: String) -> String {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return String(hash, radix: 36)
    }
}
