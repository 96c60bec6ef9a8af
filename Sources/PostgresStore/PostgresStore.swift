import Domain
package import Logging
import ServiceLifecycle

/// Everything the server keeps, in PostgreSQL.
///
/// Owned by the assembly, which runs it first and stops it last. Four connections, each on a thread of its own, so that a
/// slow page never holds a publisher's key check or the queue's writes up; a fourth delivers events, a fifth listens. All open when first used, and
/// open again after a loss. Without `run` (the command line) everything works but `listen`.
package final class PostgresStore: Service {
    let accountLane: PostgresConnection
    let keyLane: PostgresConnection
    let queueLane: PostgresConnection
    let outboxLane: PostgresConnection
    private let listener: NoticeListener
    let logger: Logger

    /// - Parameter timer: paces the listener's reconnection.
    package init(
        _ configuration: DatabaseConfiguration, timer: any Clock<Duration> = ContinuousClock(), logger: Logger
    ) {
        self.accountLane = PostgresConnection(configuration, name: "accounts", logger: logger)
        self.keyLane = PostgresConnection(configuration, name: "keys", logger: logger)
        self.queueLane = PostgresConnection(configuration, name: "queue", logger: logger)
        self.outboxLane = PostgresConnection(configuration, name: "outbox", logger: logger)
        self.listener = NoticeListener(configuration, reconnectTimer: timer, logger: logger)
        self.logger = logger
    }

    /// Listens until shutdown, then closes every connection: calls that come later fail with `.closed`.
    package func run() async throws {
        // The listener's task ends by cancellation, in a group of its own so that this one is not.
        await cancelWhenGracefulShutdown { await self.listener.run() }
        await close()
    }

    /// Closes every connection for good, once the calls before it are done.
    package func close() async {
        await listener.finish()
        await accountLane.close()
        await keyLane.close()
        await queueLane.close()
        await outboxLane.close()
    }

    /// What is committed from now on, by whichever process, once `run` listens; a notice may come twice. The stream ends
    /// when the store closes.
    package func listen() -> AsyncStream<StoreNotice> { listener.notices() }

    /// Returns once `run` is connected and listens: what is committed after that reaches `listen`'s streams.
    package func listening() async { await listener.listening() }
}
