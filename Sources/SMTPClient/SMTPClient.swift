package import Domain
package import Logging
package import NIOCore
import Foundation
import NIOPosix
import NIOSSL

/// Hands mails to one mail server, each over a connection of its own. A value; any task may send, and its caller bounds how many
/// do at once.
package struct SMTPClient: MailSending {
    private let configuration: SMTPConfiguration
    private let group: any EventLoopGroup
    private let logger: Logger

    package init(configuration: SMTPConfiguration, group: any EventLoopGroup, logger: Logger) {
        self.configuration = configuration
        self.group = group
        self.logger = logger
    }

    /// - Throws: `SMTPError`.
    package func send(_ mail: Mail) async throws {
        let text = try MailText(mail, from: configuration, date: Self.date(), identifier: UUID().uuidString)
        let context = try tlsContext()
        let loop = group.next()
        let done = loop.makePromise(of: Void.self)
        let configuration = configuration
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: loop).connectTimeout(.seconds(10))
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let operations = channel.pipeline.syncOperations
                        if configuration.encryption == .implicit {
                            try operations.addHandler(Self.tls(context, configuration))
                        }
                        try operations.addHandler(
                            SMTPHandler(
                                SMTPDialogue(configuration, text), deadline: configuration.deadline, done: done
                            ) { try Self.tls(context, configuration) })
                    }
                }.connect(host: configuration.host, port: configuration.port).get()
        } catch {
            let failure = SMTPError(.unreachable, "the mail server \(configuration.host) cannot be reached: \(error)")
            done.fail(failure)
            throw failure
        }
        defer { channel.close(promise: nil) }
        try await done.futureResult.get()
        logger.debug("a mail was handed over")
    }

    private func tlsContext() throws -> NIOSSLContext {
        var settings = TLSConfiguration.makeClientConfiguration()
        settings.minimumTLSVersion = .tlsv12
        settings.trustRoots = configuration.authorities.map { .file($0) } ?? .default
        do {
            return try NIOSSLContext(configuration: settings)
        } catch {
            throw SMTPError(.notTrusted, "the certificates to believe cannot be read")
        }
    }

    private static func tls(
        _ context: NIOSSLContext, _ configuration: SMTPConfiguration
    ) throws -> NIOSSLClientHandler {
        // An IP address is checked against the certificate by itself.
        let isAddress = (try? SocketAddress(ipAddress: configuration.host, port: configuration.port)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : configuration.host)
    }

    private static func date() -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "UTC")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss '+0000'"
        return formatter.string(from: Date())
    }
}
