import Foundation
import Logging
import NIOCore
import Synchronization
import TestKit
import Testing

@testable import RTMPTransport

/// Self-made certificates in a folder of their own.
struct CertificateFolder {
    let folder: URL

    init() throws { folder = try MediaTool.temporaryFolder() }

    var files: TLSFiles {
        TLSFiles(
            certificate: folder.appendingPathComponent("server.pem").path,
            key: folder.appendingPathComponent("server.key").path)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }  // Only litter in the temporary folder is lost.

    /// Puts a new pair in place; each has its own key.
    func make(name: String = "localhost", days: Int = 30) throws {
        let outcome = try MediaTool.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
                String(days), "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name),IP:127.0.0.1", "-keyout",
                files.key, "-out", files.certificate,
            ])
        try #require(outcome.status == 0, "\(outcome.errors)")
    }
}

@Suite struct TLSIdentityTests {
    private final class Lines: LogHandler, @unchecked Sendable {
        // Written and read under the lock; metadata and level are set by nobody.
        let lines = Mutex<[String]>([])
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.trace
        subscript(metadataKey _: String) -> Logger.Metadata.Value? {
            get { nil }
            set {}
        }
        func log(event: LogEvent) { lines.withLock { $0.append("\(event.level): \(event.message)") } }
    }

    private func identity(_ folder: CertificateFolder, _ lines: Lines = Lines()) throws -> TLSIdentity {
        try TLSIdentity(
            files: folder.files, logger: Logger(label: "test") { _ in lines }, now: .uptimeNanoseconds(0))
    }

    private func seconds(_ count: UInt64) -> NIODeadline { .uptimeNanoseconds(count * 1_000_000_000) }

    @Test func readsAPair() throws {
        let folder = try CertificateFolder()
        defer { folder.remove() }
        try folder.make(days: 30)
        let certificate = try TLSCertificate(folder.files)
        #expect(certificate.problem(at: Date()) == nil)
        #expect(certificate.problem(at: Date().addingTimeInterval(31 * 86_400))?.contains("expired") == true)
        #expect(certificate.problem(at: Date().addingTimeInterval(-86_400))?.contains("not valid before") == true)
    }

    @Test func saysWhatIsWrongWithAPair() throws {
        let folder = try CertificateFolder()
        defer { folder.remove() }
        #expect(throws: TLSCertificateError(description: "\(folder.files.certificate) cannot be read.")) {
            try TLSCertificate(folder.files)
        }
        try folder.make()
        let key = try Data(contentsOf: URL(fileURLWithPath: folder.files.key))
        try Data("nonsense".utf8).write(to: URL(fileURLWithPath: folder.files.key))
        #expect(
            throws: TLSCertificateError(
                description: "\(folder.files.key) holds no unencrypted private key in PEM form.")
        ) { try TLSCertificate(folder.files) }
        try folder.make()
        try key.write(to: URL(fileURLWithPath: folder.files.key))
        let error = #expect(throws: TLSCertificateError.self) { try TLSCertificate(folder.files) }
        #expect(error?.description.contains("does not belong to the certificate") == true)
        try Data(repeating: 0x41, count: 2_000_000).write(to: URL(fileURLWithPath: folder.files.certificate))
        let large = #expect(throws: TLSCertificateError.self) { try TLSCertificate(folder.files) }
        #expect(large?.description.contains("too large") == true)
    }

    @Test func showsANewPairAtMostASecondAfterItWasPutInPlace() throws {
        let folder = try CertificateFolder()
        defer { folder.remove() }
        try folder.make(days: 30)
        let identity = try identity(folder)
        let first = identity.current(now: seconds(0)).notAfter
        try folder.make(days: 60)
        #expect(identity.current(now: .uptimeNanoseconds(900_000_000)).notAfter == first)
        #expect(identity.current(now: seconds(1)).notAfter > first)
    }

    @Test func keepsTheOldPairWhileTheNewOneCannotBeUsed() throws {
        let folder = try CertificateFolder()
        defer { folder.remove() }
        try folder.make(days: 30)
        let lines = Lines()
        let identity = try identity(folder, lines)
        let first = identity.current(now: seconds(0)).notAfter
        try Data("half a".utf8).write(to: URL(fileURLWithPath: folder.files.key))
        for moment in 1...5 { #expect(identity.current(now: seconds(UInt64(moment))).notAfter == first) }
        #expect(lines.lines.withLock { $0 } == ["error: the new certificate cannot be used; the old one stays"])
        try folder.make(days: 60)
        #expect(identity.current(now: seconds(6)).notAfter > first)
        #expect(lines.lines.withLock { $0.count } == 2)
    }
}
