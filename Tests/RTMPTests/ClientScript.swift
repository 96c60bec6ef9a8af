import Domain
import NIOCore
import RTMP
import TestKit

/// Writes the bytes of a publishing client, as ffmpeg and OBS send them. For tests of the server's side.
struct ClientScript {
    private(set) var bytes = ByteBuffer()
    private var encoder = ChunkEncoder()

    static let avcHeader =
        "17 00 000000 0164000cffe1001a6764000cacd941419f9f011000000300100000030320f142996001000468ef8fcbfdf8f800"
    static let aacHeader = "af 00 1190"

    /// C0, C1 and a C2, which needs no answer of the server to be written.
    mutating func handshake() {
        bytes.writeInteger(UInt8(3))
        bytes.writeBytes(filler(1536))
        bytes.writeBytes(filler(1536))
    }

    mutating func command(_ name: String, _ transaction: Double, _ values: [AMF0Value], streamID: UInt32 = 0) {
        var payload = ByteBuffer()
        payload.writeAMF0([.string(name), .number(transaction)] + values)
        message(20, payload, streamID: streamID, on: 3)
    }

    mutating func connect(application: String = "live") {
        let object: AMF0Object = [
            "app": .string(application), "type": .string("nonprivate"),
            "flashVer": .string("FMLE/3.0 (compatible; Test)"),
            "tcUrl": .string("rtmp://127.0.0.1/\(application)"),
        ]
        command("connect", 1, [.object(object)])
    }

    mutating func play(_ name: String, application: String = "play") {
        handshake()
        connect(application: application)
        command("createStream", 2, [.null])
        command("getStreamLength", 3, [.null, .string(name)])
        command("play", 4, [.null, .string(name), .number(-2000)], streamID: 1)
        message(4, buffer("0003 00000001 00000bb8"), streamID: 0, on: 2)
    }

    mutating func publish(_ key: String, application: String = "live") {
        handshake()
        publishAfterHandshake(key, application: application)
    }

    mutating func publishAfterHandshake(_ key: String, application: String = "live") {
        connect(application: application)
        command("releaseStream", 2, [.null, .string(key)])
        command("FCPublish", 3, [.null, .string(key)])
        command("createStream", 4, [.null])
        command("publish", 5, [.null, .string(key), .string("live")], streamID: 1)
    }

    mutating func chunkSize(_ size: Int) {
        message(1, ByteBuffer(integer: UInt32(size)), streamID: 0, on: 2)
        encoder.chunkSize = size
    }

    mutating func metadata(_ object: AMF0Object) {
        var payload = ByteBuffer()
        payload.writeAMF0([.string("@setDataFrame"), .string("onMetaData"), .associativeArray(object)])
        message(18, payload, streamID: 1, on: 4)
    }

    mutating func video(_ body: ByteBuffer, at timestamp: UInt32) { message(9, body, timestamp: timestamp, on: 6) }
    mutating func video(_ body: String, at timestamp: UInt32) { video(buffer(body), at: timestamp) }
    mutating func audio(_ body: String, at timestamp: UInt32) {
        message(8, buffer(body), timestamp: timestamp, on: 4)
    }

    /// FCUnpublish and deleteStream, as ffmpeg and librtmp stop.
    mutating func stop(_ key: String) {
        command("FCUnpublish", 6, [.null, .string(key)])
        command("deleteStream", 7, [.null, .number(1)])
    }

    mutating func message(
        _ type: UInt8, _ payload: ByteBuffer, timestamp: UInt32 = 0, streamID: UInt32 = 1, on chunkStream: UInt16 = 4
    ) {
        let message = RTMPMessage(type: type, streamID: streamID, timestamp: timestamp, payload: payload)
        encoder.encode(message, on: chunkStream, into: &bytes)
    }

    mutating func raw(_ hexadecimal: String) { bytes.writeBytes(TestKit.bytes(hexadecimal)) }
}

/// Runs a `ServerConnection` and writes down what it does, one line for each thing.
struct Transcript {
    var connection: ServerConnection
    private(set) var lines: [String] = []
    private var answers = ChunkDecoder(limits: RTMPLimits())
    private var handshakeLeft = 3073

    init(_ connection: ServerConnection = ServerConnection(seed: 7)) { self.connection = connection }

    mutating func receive(_ bytes: ByteBuffer) throws {
        connection.bytesReceived(bytes)
        try drain()
    }

    mutating func drain() throws {
        while let action = connection.next() {
            switch action {
            case .send(let bytes): try read(bytes)
            case .authorise(let intent): lines.append("authorise \(intent.application) \(intent.key.exposed)")
            case .media(let event): lines.append(Self.describe(event))
            case .play(let intent):
                let region = intent.region.map { " in \($0)" } ?? ""
                lines.append("play \(intent.application) \(intent.channel)\(region)")
            case .playback(let change): lines.append("playback \(change)")
            case .ended(let how): lines.append("ended \(how)")
            case .close(.protocolError(let error)): lines.append("close \(error.code)")
            case .close(.refused(let refusal)): lines.append("close \(refusal.label)")
            case .close(let cause): lines.append("close \(cause)")
            }
        }
    }

    /// Everything of the kinds that say what was decided, without the answers of every conversation.
    var decisions: [String] { lines.filter { !$0.hasPrefix("control") && !$0.hasPrefix("_result") } }

    private mutating func read(_ bytes: ByteBuffer) throws {
        var bytes = bytes
        handshakeLeft -= bytes.readSlice(length: min(handshakeLeft, bytes.readableBytes))?.readableBytes ?? 0
        answers.append(bytes)
        while let message = try answers.next() {
            guard message.type == 20 else {
                lines.append("control \(message.type)")
                continue
            }
            let values = try AMF0Decoder.values(in: message.payload)
            let code = values.last?.object?["code"]?.string
            lines.append("\(values.first?.string ?? "?")" + (code.map { " \($0)" } ?? ""))
        }
    }

    static func describe(_ event: MediaEvent) -> String {
        switch event {
        case .metadata(let metadata): "metadata \(metadata.width ?? 0)"
        case .format(let format): "format \(format.track)"
        case .unit(let unit):
            "\(unit.track) \(unit.decodeTime.ticks(timescale: 1000)) \(unit.presentationTime.ticks(timescale: 1000)) "
                + (unit.track == .video && unit.isKeyFrame ? "key " : "") + "\(unit.payload.readableBytes)"
        case .refused(let track, _): "refused \(track)"
        case .leftOut(let track, _): "leftOut \(track)"
        }
    }
}
