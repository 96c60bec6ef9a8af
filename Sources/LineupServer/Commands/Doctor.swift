import ControlSocket
import Domain
import FFmpegMedia
import Foundation
package import Logging
import PostgresStore
import RTMPTransport

/// One thing `lineup doctor` looked at.
package struct DoctorFinding: Sendable, Encodable, Equatable {
    package var name: String
    package var isOK: Bool
    /// What was seen.
    package var seen: String
    /// What to do; absent when all is well.
    package var mend: String?
}

/// Looks at everything the server needs and says how to mend what is missing.
package struct Doctor: Sendable {
    let configuration: ServerConfiguration
    let logger: Logger

    package init(configuration: ServerConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    package func examine() async -> [DoctorFinding] {
        let folder = DataFolder(configuration.dataFolder)
        let isServed = folder.isServed()
        var findings = media()
        findings.append(self.folder(folder))
        findings.append(await database(folder))
        findings.append(port("HTTP port", configuration.httpPort, key: "LINEUP_HTTP_PORT", isServed: isServed))
        findings.append(port("RTMP port", configuration.rtmpPort, key: "LINEUP_RTMP_PORT", isServed: isServed))
        if let secure = configuration.secureHTTP {
            findings.append(port("HTTPS port", secure.port, key: "LINEUP_HTTPS_PORT", isServed: isServed))
            if configuration.secure == nil { findings.append(Self.certificate(secure.files, now: Date())) }
        }
        if let secure = configuration.secure {
            findings.append(port("RTMPS port", secure.port, key: "LINEUP_RTMPS_PORT", isServed: isServed))
            findings.append(Self.certificate(secure.files, now: Date()))
        }
        findings.append(clock())
        findings.append(
            DoctorFinding(
                name: "server", isOK: true, seen: isServed ? "runs on this data folder" : "does not run", mend: nil))
        return findings
    }

    private func media() -> [DoctorFinding] {
        FFmpegCapabilities.report().map { capability in
            DoctorFinding(
                name: capability.name, isOK: capability.isPresent, seen: capability.detail, mend: capability.remedy)
        }
    }

    private func folder(_ folder: DataFolder) -> DoctorFinding {
        do {
            try folder.prepare()
            let free =
                try FileManager.default.attributesOfFileSystem(forPath: folder.url.path)[.systemFreeSize] as? Int64
            let megabytes = (free ?? 0) / 1_048_576
            let isEnough = megabytes >= 500
            return DoctorFinding(
                name: "data folder", isOK: isEnough, seen: "\(folder.url.path), \(megabytes) MB free",
                mend: isEnough ? nil : "Make room: the database and its log need 500 MB.")
        } catch {
            return DoctorFinding(name: "data folder", isOK: false, seen: folder.url.path, mend: "\(error)")
        }
    }

    private func database(_ folder: DataFolder) async -> DoctorFinding {
        do {
            let logger = logger
            let version = try await DatabaseAccess(configuration: configuration, logger: logger).withDatabase {
                database in
                let connection = PostgresConnection(database, name: "doctor", logger: logger)
                let version = try await connection.firstText("SHOW server_version")
                await connection.close()
                return version ?? "of unknown version"
            }
            let kind = configuration.database == nil ? "private" : "DATABASE_URL"
            return DoctorFinding(name: "database", isOK: true, seen: "PostgreSQL \(version), \(kind)", mend: nil)
        } catch {
            return DoctorFinding(
                name: "database", isOK: false, seen: "\(error)",
                mend: configuration.database == nil
                    ? "Install the Debian package postgresql, or set DATABASE_URL to a server of your own."
                    : "Check DATABASE_URL and that the server takes connections from here.")
        }
    }

    private func port(_ name: String, _ port: Int, key: String, isServed: Bool) -> DoctorFinding {
        let isFree = port == 0 || PortProbe.isFree(port, on: configuration.bindAddress)
        switch (isFree, isServed) {
        case (true, _): return DoctorFinding(name: name, isOK: true, seen: "\(port) is free", mend: nil)
        case (false, true):
            return DoctorFinding(name: name, isOK: true, seen: "\(port) is in use; the server runs", mend: nil)
        case (false, false):
            return DoctorFinding(
                name: name, isOK: false, seen: "\(port) cannot be taken: another program has it, or it needs root",
                mend: "Stop that program, or set \(key) to another port.")
        }
    }

    static func certificate(_ files: TLSFiles, now: Date) -> DoctorFinding {
        let name = "RTMPS certificate"
        do throws(TLSCertificateError) {
            let certificate = try TLSCertificate(files)
            if let problem = certificate.problem(at: now) {
                return DoctorFinding(
                    name: name, isOK: false, seen: problem,
                    mend: "Put a new certificate and its key in their files; a running server takes them by itself.")
            }
            let days = Int(certificate.notAfter.timeIntervalSince(now) / 86_400)
            return DoctorFinding(
                name: name, isOK: days >= 7, seen: "valid for \(days) more days",
                mend: days >= 7 ? nil : "Renew it; a running server takes the new files by itself.")
        } catch {
            return DoctorFinding(
                name: name, isOK: false, seen: error.description,
                mend: "Set LINEUP_TLS_CERTIFICATE and LINEUP_TLS_KEY to PEM files that belong together.")
        }
    }

    private func clock() -> DoctorFinding {
        let isSane = Date().timeIntervalSince1970 > 1_767_225_600
        return DoctorFinding(
            name: "clock", isOK: isSane,
            seen: "\(SystemWallClock().now())",
            mend: isSane ? nil : "Set the clock, and keep it right with an NTP client such as chrony.")
    }
}

/// Tries a TCP port by binding it for a moment.
package enum PortProbe {
    package static func isFree(_ port: Int, on address: String) -> Bool {
        guard let port = in_port_t(exactly: port) else { return false }
        var four = sockaddr_in()
        var six = sockaddr_in6()
        if inet_pton(AF_INET, address, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = port.bigEndian
            return canBind(four, family: AF_INET)
        }
        guard inet_pton(AF_INET6, address, &six.sin6_addr) == 1 else { return false }
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = port.bigEndian
        return canBind(six, family: AF_INET6)
    }

    private static func canBind<Address>(_ address: Address, family: Int32) -> Bool {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        return withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<Address>.size)) == 0
            }
        }
    }
}
