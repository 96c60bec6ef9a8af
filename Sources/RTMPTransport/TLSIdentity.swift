package import Logging
package import NIOCore
import Foundation
import Glibc
package import NIOSSL
import Synchronization

/// The certificate an RTMPS listener shows, read anew when its files change.
///
/// Any event loop asks it for each new connection. At most once a second that looks at the files' stamps (two `stat`s), and
/// reads them when a stamp is new, which is some KB from the local disk: cheaper and surer than watching, since certificates
/// are replaced by renaming, often behind symbolic links. A new pair that cannot be used is logged once and the old one stays.
package final class TLSIdentity: Sendable {
    private struct State {
        var certificate: TLSCertificate
        var generation = 0
        var stamps: [FileStamp?]
        var nextLook: NIODeadline
    }

    static let lookInterval = TimeAmount.seconds(1)

    private let files: TLSFiles
    private let logger: Logger
    private let state: Mutex<State>

    /// - Throws: `TLSCertificateError`: without a certificate there is nothing to start with.
    package init(files: TLSFiles, logger: Logger, now: NIODeadline = .now()) throws(TLSCertificateError) {
        self.files = files
        self.logger = logger
        let stamps = Self.stamps(files)
        self.state = Mutex(
            State(certificate: try TLSCertificate(files), stamps: stamps, nextLook: now + Self.lookInterval))
    }

    /// The handler for one connection, with the newest certificate.
    func makeHandler(now: NIODeadline = .now()) -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: current(now: now).context)
    }

    /// The newest certificate for another kind of listener, and a number that changes with it.
    package func shown() -> (generation: Int, configuration: TLSConfiguration) {
        let certificate = current(now: .now())
        return (state.withLock { $0.generation }, certificate.configuration)
    }

    func current(now: NIODeadline) -> TLSCertificate {
        let (certificate, known) = state.withLock { state -> (TLSCertificate, [FileStamp?]?) in
            guard now >= state.nextLook else { return (state.certificate, nil) }
            state.nextLook = now + Self.lookInterval
            return (state.certificate, state.stamps)
        }
        guard let known else { return certificate }
        let stamps = Self.stamps(files)
        guard stamps != known else { return certificate }
        return reload(stamps: stamps) ?? certificate
    }

    private func reload(stamps: [FileStamp?]) -> TLSCertificate? {
        do {
            let certificate = try TLSCertificate(files)
            state.withLock {
                $0.certificate = certificate
                $0.generation += 1
                $0.stamps = stamps
            }
            logger.notice("a new certificate is shown", metadata: [.until: "\(certificate.notAfter)"])
            return certificate
        } catch {
            // Not tried again until a file changes again: the second of two files may be on its way.
            state.withLock { $0.stamps = stamps }
            logger.error(
                "the new certificate cannot be used; the old one stays", metadata: [.error: "\(error)"])
            return nil
        }
    }

    /// What changes when a file is written or replaced.
    private struct FileStamp: Equatable {
        var file: UInt64
        var size: Int64
        var changed: timespec

        static func == (left: Self, right: Self) -> Bool {
            (left.file, left.size) == (right.file, right.size)
                && withUnsafeBytes(of: left.changed) { left in
                    withUnsafeBytes(of: right.changed) { right in left.elementsEqual(right) }
                }
        }
    }

    private static func stamps(_ files: TLSFiles) -> [FileStamp?] {
        [files.certificate, files.key].map { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            return FileStamp(
                file: UInt64(status.st_ino), size: Int64(status.st_size), changed: status.st_mtim)
        }
    }
}
