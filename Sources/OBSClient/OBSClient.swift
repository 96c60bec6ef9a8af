package import Domain
package import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
package import OBSProtocol
import Synchronization

/// Connects to obs-websocket (RFC 6455, subprotocol `obswebsocket.json`), one connection each.
///
/// Connecting, the upgrade and identifying have one deadline, whatever trickles in meanwhile. What an OBS may send is bounded in bytes
/// and messages (`OBSClient.Limits`); one that says nothing is asked for a sign of life and given up.
package struct OBSClient: OBSDialing {
    package struct Limits: Sendable {
        package var maximumMessageBytes = 2 * 1024 * 1024
        /// Of a message that comes in pieces.
        package var maximumFragments = 64
        /// Before OBS has taken the password.
        package var maximumEarlyBytes = 64 * 1024
        package var maximumBytesPerSecond = 8 * 1024 * 1024
        package var maximumMessagesPerSecond = 2000
        /// For connecting and identifying together.
        package var connectDeadline: Duration = .seconds(10)
        package var answerDeadline: Duration = .seconds(10)
        /// After so long without a byte a ping is sent; after twice that the connection is given up.
        package var idleSpan: Duration = .seconds(10)
        /// Batches that wait for their place or their answer; one more is refused.
        package var maximumPending = 16

        package init() {}
    }

    private let group: any EventLoopGroup
    private let digest: any Digesting
    private let limits: Limits

    package init(group: any EventLoopGroup, digest: any Digesting, limits: Limits = Limits()) {
        self.group = group
        self.digest = digest
        self.limits = limits
    }

    package func connect(to address: OBSAddress) async throws(OBSConnectionError) -> any OBSConnection {
        let loop = group.any()
        let ready = loop.makePromise(of: OBSServer.self)
        let (events, continuation) = AsyncStream<OBSEvent>.makeStream(bufferingPolicy: .bufferingNewest(256))
        let deadline = NIODeadline.now() + TimeAmount(limits.connectDeadline)
        let timeout = loop.scheduleTask(deadline: deadline) { ready.fail(OBSConnectionError.timedOut) }
        let (digest, limits) = (digest, limits)
        let negotiation: EventLoopFuture<(any Channel)?>
        let raw = RawChannel()
        do {
            negotiation = try await ClientBootstrap(group: loop)
                .connectTimeout(TimeAmount(limits.connectDeadline))
                .connect(host: address.host, port: address.port) { channel in
                    raw.set(channel)
                    return channel.eventLoop.makeCompletedFuture {
                        let handler = OBSSessionHandler(
                            session: OBSSession(password: address.password, digest: digest), limits: limits,
                            requestsPerSecond: address.requestsPerSecond, ready: ready, events: continuation)
                        raw.set(NIOLoopBound(handler, eventLoop: channel.eventLoop))
                        return try Self.configure(channel, handler, address: address, limits: limits)
                    }
                }
        } catch {
            timeout.cancel()
            ready.fail(OBSConnectionError.unreachable)
            throw NIODeadline.now() >= deadline ? .timedOut : .unreachable
        }
        // What was not upgraded is no obs-websocket; what was, says the rest itself.
        negotiation.whenComplete { result in
            if case .success(.some) = result { return }
            ready.fail(OBSConnectionError.noWebSocket)
            raw.close()
        }
        raw.whenClosed { ready.fail(OBSConnectionError.closed(nil)) }
        do {
            let server = try await withTaskCancellationHandler {
                try await ready.futureResult.get()
            } onCancel: {
                raw.close()
            }
            timeout.cancel()
            guard let link = raw.link(server: server, events: events) else { throw OBSConnectionError.closed(nil) }
            return link
        } catch {
            timeout.cancel()
            raw.close()
            continuation.finish()
            throw error as? OBSConnectionError ?? .closed(nil)
        }
    }

    /// - Returns: the channel once it speaks WebSocket, `nil` when the peer does not.
    private static func configure(
        _ channel: any Channel, _ handler: OBSSessionHandler, address: OBSAddress, limits: Limits
    ) throws -> EventLoopFuture<(any Channel)?> {
        let bound = NIOLoopBound(handler, eventLoop: channel.eventLoop)
        let flood = FloodGuard(limits: limits)
        try channel.pipeline.syncOperations.addHandler(flood)
        let upgrader = NIOTypedWebSocketClientUpgrader<(any Channel)?>(
            maxFrameSize: limits.maximumMessageBytes, enableAutomaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandlers([
                    NIOWebSocketFrameAggregator(
                        minNonFinalFragmentSize: 1, maxAccumulatedFrameCount: limits.maximumFragments,
                        maxAccumulatedFrameSize: limits.maximumMessageBytes),
                    bound.value,
                ])
                return channel
            }
        }
        let isSix = address.host.contains(":")
        let headers: HTTPHeaders = [
            "Host": "\(isSix ? "[\(address.host)]" : address.host):\(address.port)",
            "Sec-WebSocket-Protocol": "obswebsocket.json",
        ]
        let configuration = NIOTypedHTTPClientUpgradeConfiguration<(any Channel)?>(
            upgradeRequestHead: HTTPRequestHead(version: .http1_1, method: .GET, uri: "/", headers: headers),
            upgraders: [upgrader]
        ) { channel in
            channel.eventLoop.makeSucceededFuture(nil)
        }
        var pipeline = NIOUpgradableHTTPClientPipelineConfiguration(upgradeConfiguration: configuration)
        // OBS says Hello at once: it can come with the answer to the upgrade.
        pipeline.leftOverBytesStrategy = .forwardBytes
        return try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: pipeline)
    }
}

/// The channel while it is not known yet what the peer speaks: to close it from elsewhere.
private final class RawChannel: Sendable {
    private let channel = Mutex<(any Channel)?>(nil)
    private let handler = Mutex<NIOLoopBound<OBSSessionHandler>?>(nil)

    func set(_ channel: any Channel) { self.channel.withLock { $0 = channel } }
    func set(_ handler: NIOLoopBound<OBSSessionHandler>) { self.handler.withLock { $0 = handler } }

    /// Also of a channel that has ended meanwhile: the handler knows why.
    func link(server: OBSServer, events: AsyncStream<OBSEvent>) -> OBSLink? {
        guard let channel = channel.withLock({ $0 }), let handler = handler.withLock({ $0 }) else { return nil }
        return OBSLink(channel: channel, handler: handler, server: server, events: events)
    }

    func close() { channel.withLock { $0 }?.close(promise: nil) }
    func whenClosed(_ body: @escaping @Sendable () -> Void) {
        channel.withLock { $0 }?.closeFuture.whenComplete { _ in body() }
    }
}

/// One identified connection, as the rest of the server holds it.
final class OBSLink: OBSConnection {
    let server: OBSServer
    let events: AsyncStream<OBSEvent>
    private let channel: any Channel
    private let handler: NIOLoopBound<OBSSessionHandler>

    init(
        channel: any Channel, handler: NIOLoopBound<OBSSessionHandler>, server: OBSServer, events: AsyncStream<OBSEvent>
    ) {
        self.channel = channel
        self.handler = handler
        self.server = server
        self.events = events
    }

    deinit { channel.close(promise: nil) }

    func perform(_ batch: OBSBatch) async throws(OBSConnectionError) -> [OBSReply] {
        let promise = channel.eventLoop.makePromise(of: [OBSReply].self)
        let (channel, handler) = (channel, handler)
        channel.eventLoop.execute { handler.value.perform(batch, promise) }
        do {
            return try await withTaskCancellationHandler {
                try await promise.futureResult.get()
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            throw error as? OBSConnectionError ?? .closed(nil)
        }
    }

    func close() { channel.close(promise: nil) }
}
