import Cryptography
import Domain
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket
@testable import OBSProtocol
import Synchronization
import TestKit

/// An obs-websocket server for faults: the real upgrade and frames, behind them what the test wants.
final class StudioServer: Sendable {
    enum Behaviour: Sendable {
        /// Hello with a challenge, checks the proof, then does what the studio does.
        case proper(password: String)
        /// Hello, and silence.
        case silentAfterHello
        /// Identified, then silence: no answer, no pong.
        case silentAfterIdentify
        /// Identified, then this close code.
        case closes(Int)
        /// Identified, then events as fast as they are read.
        case flood
        /// Identified, then pieces of one message without end.
        case endlessMessage
        /// Identified, then this text.
        case says(String)
        /// No WebSocket: this as the answer.
        case plain(String)
        /// The answer to the upgrade comes byte by byte, without end.
        case drip
        case hang
    }

    private let channel: any Channel
    let connections: Counted
    let studio: FakeStudio

    final class Counted: Sendable {
        private let value = Mutex(0)
        var count: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    var port: Int { channel.localAddress?.port ?? 0 }

    private init(_ channel: any Channel, _ connections: Counted, _ studio: FakeStudio) {
        self.channel = channel
        self.connections = connections
        self.studio = studio
    }

    static func start(_ behaviour: Behaviour, studio: FakeStudio = FakeStudio()) async throws -> StudioServer {
        let connections = Counted()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                connections.add()
                return channel.eventLoop.makeCompletedFuture {
                    switch behaviour {
                    case .plain, .drip, .hang:
                        try channel.pipeline.syncOperations.addHandler(RawAnswer(behaviour))
                    default: try upgrade(channel, behaviour, studio)
                    }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return StudioServer(channel, connections, studio)
    }

    func stop() async throws { try await channel.close() }

    private static func upgrade(_ channel: any Channel, _ behaviour: Behaviour, _ studio: FakeStudio) throws {
        let upgrader = NIOTypedWebSocketServerUpgrader<Void>(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture([:]) },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Session(behaviour, studio))
                }
            })
        _ = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
            configuration: .init(
                upgradeConfiguration: .init(
                    upgraders: [upgrader],
                    notUpgradingCompletionHandler: { $0.eventLoop.makeSucceededVoidFuture() })))
    }

    private final class Session: ChannelInboundHandler {
        typealias InboundIn = WebSocketFrame
        typealias OutboundOut = WebSocketFrame

        private let behaviour: Behaviour
        private let studio: FakeStudio
        private static let salt = "c2FsdA=="
        private static let challenge = "Y2hhbGxlbmdl"

        init(_ behaviour: Behaviour, _ studio: FakeStudio) {
            self.behaviour = behaviour
            self.studio = studio
        }

        func handlerAdded(context: ChannelHandlerContext) {
            var hello: [String: JSON] = ["obsWebSocketVersion": .string("5.1.0"), "rpcVersion": .integer(1)]
            if case .proper = behaviour {
                hello["authentication"] = .object([
                    "challenge": .string(Self.challenge), "salt": .string(Self.salt),
                ])
            }
            send(context, 0, .object(hello))
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let frame = unwrapInboundIn(data)
            if frame.opcode == .connectionClose { return context.close(promise: nil) }
            if frame.opcode == .ping {
                if case .proper = behaviour { write(context, .pong, frame.unmaskedData) }
                return
            }
            guard let message = try? JSON(bytes: Array(frame.unmaskedData.readableBytesView)) else { return }
            switch message["op"]?.integer {
            case 1: identify(context, message)
            case 8:
                guard case .proper = behaviour, let d = message["d"], let batch = OBSBatch(reading: d) else { return }
                let results = studio.answer(batch).map { reply -> JSON in
                    .object([
                        "requestType": .string(reply.type),
                        "requestStatus": .object([
                            "result": .bool(reply.isDone), "code": .integer(reply.code),
                            "comment": reply.comment.map { .string($0) } ?? .null,
                        ]),
                        "responseData": reply.data,
                    ])
                }
                send(context, 9, .object(["requestId": d["requestId"] ?? .null, "results": .array(results)]))
            default: break
            }
        }

        private func identify(_ context: ChannelHandlerContext, _ message: JSON) {
            switch behaviour {
            case .proper(let password):
                let proof = OBSSession.proof(
                    password: Secret(password), salt: Self.salt, challenge: Self.challenge, digest: SHA256Digest())
                guard message["d"]?["authentication"]?.string == proof else { return close(context, 4009) }
                send(context, 2, .object(["negotiatedRpcVersion": .integer(1)]))
            case .silentAfterHello: break
            default:
                send(context, 2, .object(["negotiatedRpcVersion": .integer(1)]))
                misbehave(context)
            }
        }

        private func misbehave(_ context: ChannelHandlerContext) {
            switch behaviour {
            case .closes(let code): close(context, code)
            case .says(let text): write(context, .text, ByteBuffer(string: text))
            case .flood, .endlessMessage: pour(context)
            default: break
            }
        }

        private var hasBegun = false

        func channelWritabilityChanged(context: ChannelHandlerContext) { if hasBegun { pour(context) } }

        private func pour(_ context: ChannelHandlerContext) {
            let isEndless = if case .endlessMessage = behaviour { true } else { false }
            let event = ByteBuffer(string: #"{"op":5,"d":{"eventType":"InputVolumeMeters","eventData":{}}}"#)
            while context.channel.isActive, context.channel.isWritable {
                let frame = WebSocketFrame(
                    fin: !isEndless, opcode: isEndless && hasBegun ? .continuation : .text, data: event)
                hasBegun = true
                context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
            }
        }

        private func close(_ context: ChannelHandlerContext, _ code: Int) {
            var reason = ByteBuffer()
            reason.writeInteger(UInt16(code))
            write(context, .connectionClose, reason)
        }

        private func send(_ context: ChannelHandlerContext, _ op: Int, _ data: JSON) {
            write(context, .text, ByteBuffer(string: JSON.object(["op": .integer(op), "d": data]).text))
        }

        private func write(_ context: ChannelHandlerContext, _ opcode: WebSocketOpcode, _ data: ByteBuffer) {
            context.writeAndFlush(wrapOutboundOut(WebSocketFrame(fin: true, opcode: opcode, data: data)), promise: nil)
        }
    }

    private final class RawAnswer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let behaviour: Behaviour
        private var hasBegun = false

        init(_ behaviour: Behaviour) { self.behaviour = behaviour }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !hasBegun else { return }
            hasBegun = true
            switch behaviour {
            case .plain(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .drip:
                let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 101 ")), promise: nil)
                let drops = context.eventLoop.scheduleRepeatedTask(
                    initialDelay: .milliseconds(5), delay: .milliseconds(5)
                ) { _ in
                    bound.value.writeAndFlush(NIOAny(ByteBuffer(string: "x")), promise: nil)
                }
                context.channel.closeFuture.whenComplete { _ in drops.cancel() }
            default: break
            }
        }
    }
}

extension OBSBatch {
    /// From the message's data; variables are not needed here.
    fileprivate init?(reading data: JSON) {
        guard let list = data["requests"]?.array,
            let execution = data["executionType"]?.integer.flatMap(OBSBatchExecution.init)
        else { return nil }
        self.init(
            list.compactMap { json in
                json["requestType"]?.string.map { OBSRequest($0, json["requestData"]?.object ?? [:]) }
            }, execution: execution)
    }
}
