private import Foundation

/// PostgreSQL's own programs: Debian's newest version, or whatever PATH has.
struct ClusterPrograms: Sendable, Equatable {
    var folder: String
    var initdb: String { folder + "/initdb" }
    var postgres: String { folder + "/postgres" }

    /// - Parameters:
    ///   - debianRoot: holds a folder for each major version.
    ///   - searchPath: as in `PATH`.
    /// - Throws: `.programsMissing`, saying what to install.
    static func find(
        debianRoot: String = "/usr/lib/postgresql",
        searchPath: String = ProcessInfo.processInfo.environment["PATH"] ?? "", majorVersion: Int? = nil
    ) throws(PostgresError) -> ClusterPrograms {
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: debianRoot)) ?? [])
            .compactMap { Int($0) }.filter { majorVersion == nil || $0 == majorVersion }.sorted(by: >)
        let folders = versions.map { "\(debianRoot)/\($0)/bin" } + searchPath.split(separator: ":").map(String.init)
        for folder in folders {
            let programs = ClusterPrograms(folder: folder)
            let areThere = [programs.initdb, programs.postgres].allSatisfy(FileManager.default.isExecutableFile)
            if areThere { return programs }
        }
        let package = majorVersion.map { "postgresql-\($0)" } ?? "postgresql"
        throw PostgresError(
            .programsMissing,
            "PostgreSQL's programs are not installed: install the Debian package \(package), or set DATABASE_URL")
    }
}
