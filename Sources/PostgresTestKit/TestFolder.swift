private import Foundation
package import PostgresStore
private import Synchronization

/// Temporary folders for tests, and what happens to them when the process ends.
package enum TestFolder {
    private struct AtExit {
        var folders: [String] = []
        var clusters: [(cluster: PrivateCluster, process: Int32)] = []
        var isRegistered = false
    }

    private static let atExit = Mutex(AtExit())

    /// A new, empty folder below the system's temporary one, which other users may enter.
    package static func make() throws -> String {
        let folder = FileManager.default.temporaryDirectory
            .appendingPathComponent("lineup-test-\(getpid())-\(UInt32.random(in: 0 ... .max))").path
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        return folder
    }

    package static func remove(_ folder: String) {
        // What stays behind is in the temporary folder.
        try? FileManager.default.removeItem(atPath: folder)
    }

    package static func removeAtExit(_ folder: String) {
        register { $0.folders.append(folder) }
    }

    /// Keeps `cluster` until the process ends, and ends it then.
    package static func stopAtExit(_ cluster: PrivateCluster) async {
        guard let process = await cluster.processID else { return }
        register { $0.clusters.append((cluster, process)) }
    }

    private static func register(_ change: (inout AtExit) -> Void) {
        let isFirst = atExit.withLock { state in
            change(&state)
            defer { state.isRegistered = true }
            return !state.isRegistered
        }
        if isFirst { atexit { TestFolder.cleanUp() } }
    }

    /// Runs in `exit`, where nothing can be awaited: signals, looks until the processes are gone, removes.
    private static func cleanUp() {
        atExit.withLock { state in
            for (_, process) in state.clusters { kill(process, SIGQUIT) }
            let deadline = Date().addingTimeInterval(5)
            while state.clusters.contains(where: { kill($0.process, 0) == 0 }), Date() < deadline { usleep(5000) }
            for folder in state.folders { remove(folder) }
        }
    }
}
