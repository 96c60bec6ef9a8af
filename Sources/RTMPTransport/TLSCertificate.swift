package import Foundation
package import NIOSSL

/// Where a certificate and its key lie, as PEM: the chain with the server's own first, and one unencrypted private key.
package struct TLSFiles: Sendable, Equatable {
    package var certificate: String
    package var key: String

    package init(certificate: String, key: String) {
        self.certificate = certificate
        self.key = key
    }
}

/// Why a certificate cannot be used, in words for the operator. Never holds anything of the key.
package struct TLSCertificateError: Error, Sendable, Equatable, CustomStringConvertible {
    package var description: String
}

/// A certificate with its key, read and found to belong together.
package struct TLSCertificate: Sendable {
    package var notBefore: Date
    package var notAfter: Date
    let context: NIOSSLContext
    /// For other listeners that show the same certificate.
    package let configuration: TLSConfiguration

    /// What a PEM file may hold; a full chain takes about 6 KB.
    static let maximumFileBytes = 1_048_576

    /// Reads both files: blocks for as long as the disk takes.
    /// - Throws: `TLSCertificateError` for a file that is missing, unreadable, too large or not PEM, and for a key that is not
    ///   the certificate's. Dates are not judged: see `problem(at:)`.
    package init(_ files: TLSFiles) throws(TLSCertificateError) {
        let chain = try Self.chain(files.certificate)
        let key = try Self.key(files.key)
        guard let own = chain.first else {
            throw TLSCertificateError(description: "There is no certificate in \(files.certificate).")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        do {
            context = try NIOSSLContext(configuration: configuration)
            self.configuration = configuration
        } catch {
            throw TLSCertificateError(
                description: "The key in \(files.key) does not belong to the certificate in \(files.certificate).")
        }
        notBefore = Date(timeIntervalSince1970: TimeInterval(own.notValidBefore))
        notAfter = Date(timeIntervalSince1970: TimeInterval(own.notValidAfter))
    }

    /// Why clients that look at dates would refuse it; `nil` when they would not.
    package func problem(at now: Date) -> String? {
        if now < notBefore { return "The certificate is not valid before \(notBefore)." }
        if now > notAfter { return "The certificate expired on \(notAfter)." }
        return nil
    }

    private static func chain(_ path: String) throws(TLSCertificateError) -> [NIOSSLCertificate] {
        let bytes = try contents(path)
        do {
            return try NIOSSLCertificate.fromPEMBytes(bytes)
        } catch {
            throw TLSCertificateError(description: "\(path) holds no certificate in PEM form.")
        }
    }

    private static func key(_ path: String) throws(TLSCertificateError) -> NIOSSLPrivateKey {
        let bytes = try contents(path)
        do {
            return try NIOSSLPrivateKey(bytes: bytes, format: .pem)
        } catch {
            throw TLSCertificateError(description: "\(path) holds no unencrypted private key in PEM form.")
        }
    }

    private static func contents(_ path: String) throws(TLSCertificateError) -> [UInt8] {
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }  // It was only read.
            let data = try file.read(upToCount: maximumFileBytes + 1) ?? Data()
            guard data.count <= maximumFileBytes else {
                throw TLSCertificateError(description: "\(path) is too large for a certificate or key.")
            }
            return Array(data)
        } catch let error as TLSCertificateError {
            throw error
        } catch {
            throw TLSCertificateError(description: "\(path) cannot be read.")
        }
    }
}
