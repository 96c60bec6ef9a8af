import Foundation

/// Finds processes of an older PostgreSQL that still work in a cluster.
///
/// Every process of PostgreSQL has the cluster as its working folder, which says more than `postmaster.pid`: that file may
/// name a process id that somebody else has by now, and says nothing of backends that outlived their postmaster.
enum ClusterProcesses {
    /// Process ids whose working folder is `folder`. As root all are seen, else one's own, and ours run as we do.
    static func working(in folder: String) -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { pid in
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/cwd")) == folder
        }
    }
}
