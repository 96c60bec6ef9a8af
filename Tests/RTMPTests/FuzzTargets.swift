import Domain
import NIOCore
import OBSProtocol
import RTMP

/// Feeds a peer's bytes to one decoder each. A trap, a broken property or memory out of bounds is a find; an error is not.
///
/// `CorpusReplayTests` and the fuzzer's program (`Fuzz/`) share this file.
enum FuzzTarget: String, CaseIterable {
    case handshake, session, client, amf0, amf3, tags, codecs, obs

    func run(_ input: ByteBuffer) {
        switch self {
        case .handshake: fuzzHandshake(input)
        case .session: fuzzSession(input)
        case .client: fuzzClient(input)
        case .amf0: fuzzAMF0(input)
        case .amf3: fuzzAMF3(input)
        case .tags: fuzzTags(input)
        case .codecs: fuzzCodecs(input)
        case .obs: fuzzOBS(input)
        }
    }
}

/// The first byte says how the rest is cut.
private func pieces(of input: ByteBuffer, _ body: (ByteBuffer) -> Void) {
    var input = input
    let side = Int(input.readInteger(as: UInt8.self) ?? 0) + 1
    while input.readableBytes > 0, let piece = input.readSlice(length: min(side * side, input.readableBytes)) {
        body(piece)
    }
}

private func fuzzHandshake(_ input: ByteBuffer) {
    var handshake = ServerHandshake(seed: 1)
    var held = ByteBuffer()
    var answers = 0
    var isOver = false
    pieces(of: input) { piece in
        held.writeImmutableBuffer(piece)
        while !isOver {
            guard let step = try? handshake.advance(&held) else {
                isOver = true
                return
            }
            switch step {
            case .send(let answer):
                answers += 1
                precondition(answer.readableBytes == 1 + 2 * 1536)
            case .needMoreBytes: return
            case .done: isOver = true
            }
        }
    }
    precondition(answers <= 1)
}

/// A whole connection after its handshake, whose publisher is let in.
/// A server's bytes, behind the handshake, as a player and as a publisher meet them.
private func fuzzClient(_ input: ByteBuffer) {
    for role in [ClientTarget.Role.play, .publish] {
        let target = ClientTarget(
            role: role, application: "live", address: "rtmp://127.0.0.1/live", streamName: Secret("name"))
        var connection = ClientConnection(target, seed: 1)
        func drain() {
            while let action = connection.next() {
                if case .media(.unit(let unit)) = action { look(at: unit) }
            }
        }
        drain()
        connection.bytesReceived(ByteBuffer(bytes: [3] + [UInt8](repeating: 1, count: 3072)))
        pieces(of: input) { piece in
            connection.bytesReceived(piece)
            drain()
        }
        connection.inputClosed()
        drain()
    }
}

private func fuzzSession(_ input: ByteBuffer) {
    var connection = ServerConnection(seed: 1)
    connection.bytesReceived(ByteBuffer(bytes: [3] + [UInt8](repeating: 1, count: 3072)))
    var endings = 0
    var asked = 0
    func drain() {
        while let action = connection.next() {
            switch action {
            case .authorise: asked += 1
            case .play: connection.playAccepted()
            case .ended: endings += 1
            case .media(.unit(let unit)): look(at: unit)
            default: break  // What is sent and closed does not matter here.
            }
        }
    }
    drain()
    pieces(of: input) { piece in
        connection.bytesReceived(piece)
        drain()
        if asked == 1, endings == 0, !connection.isPublishing {
            asked = 2
            connection.authorised()
            drain()
        }
        precondition(connection.heldBytes <= RTMPLimits().maximumHeldBytes + 65_536)
    }
    connection.inputClosed()
    drain()
    precondition(endings <= 1)
}

/// What is written of the values read is read as the same.
private func fuzzAMF0(_ input: ByteBuffer) {
    guard let values = try? AMF0Decoder.values(in: input) else { return }
    var written = ByteBuffer()
    written.writeAMF0(values)
    guard let again = try? AMF0Decoder.values(in: written) else { preconditionFailure("our own AMF is refused") }
    var rewritten = ByteBuffer()
    rewritten.writeAMF0(again)
    precondition(written == rewritten)
    _ = try? StreamMetadata(dataMessage: input)
}

private func fuzzAMF3(_ input: ByteBuffer) {
    _ = try? AMF3Decoder.values(in: input)
}

/// Tags as they follow each other in a connection (kind 8 · size 16 · body), or an FLV file.
private func fuzzTags(_ input: ByteBuffer) {
    if var reader = try? FLVFileReader(input) {
        while let event = try? reader.next() { look(at: event) }
        return
    }
    var input = input
    var decoder = MediaTagDecoder()
    while let kind = input.readInteger(as: UInt8.self), let size = input.readInteger(as: UInt16.self),
        let body = input.readSlice(length: min(Int(size), input.readableBytes))
    {
        let timestamp = UInt32(size) &* 65_537
        guard
            var event = try? kind & 1 == 0
                ? decoder.videoReceived(body, timestamp: timestamp) : decoder.audioReceived(body, timestamp: timestamp)
        else { continue }
        var events = 1
        look(at: event)
        while let next = decoder.nextEvent() {
            event = next
            events += 1
            look(at: event)
        }
        precondition(events <= 3)
    }
}

private func look(at event: MediaEvent) {
    switch event {
    case .unit(let unit): look(at: unit)
    case .refused(_, let reason), .leftOut(_, let reason): precondition(reason.utf8.count < 400)
    case .metadata, .format: break
    }
}

private func look(at unit: AccessUnit) {
    let span = unit.presentationTime - unit.decodeTime
    precondition(abs(span.nanoseconds) <= 8_388_608_000_000)
    guard unit.track == .video, unit.isKeyFrame else { return }
    _ = withParameterSets(unit.payload, format: plainFormat)
}

private let plainFormat = VideoFormat(
    configuration: [], parameterSets: [[0x67], [0x68]], width: 16, height: 16, frameRate: nil, profile: 66,
    constraints: 0, level: 10)

/// The first byte chooses the codec. A record of our own writing is read as what it was written from.
private func fuzzCodecs(_ input: ByteBuffer) {
    var input = input
    guard let choice = input.readInteger(as: UInt8.self) else { return }
    let bytes = Array(input.readableBytesView)
    switch choice % 12 {
    case 0: checkVideo(try? AVCConfiguration(input).format) { try? AVCConfiguration($0).format }
    case 1: checkVideo(try? HEVCConfiguration(input).format) { try? HEVCConfiguration($0).format }
    case 2: checkVideo(try? AV1Configuration(input).format) { try? AV1Configuration($0).format }
    case 3: checkVideo(try? VP9Configuration(input).format) { try? VP9Configuration($0).format }
    case 4: checkAudio(try? AACConfiguration(bytes).format) { try? AACConfiguration($0).format }
    case 5: checkAudio(try? OpusHeader(bytes).format) { try? OpusHeader($0).format }
    case 6: checkAudio(try? FLACStreamInfo(bytes).format) { try? FLACStreamInfo($0).format }
    case 7: _ = try? MP3FrameHeader(input)
    case 8: _ = try? AC3Header(frame: input)
    case 9: _ = try? AC3Header(configuration: bytes, isEnhanced: bytes.count > 3)
    case 10:
        _ = AV1Units(input)
        _ = try? VP9FrameHeader(input)
    default:
        _ = NALUnitSummary(input, lengthSize: 2)
        precondition(HEVCUnitSummary(withBrokenLink(input)).picture != .cleanRandomAccess)
        var format = plainFormat
        format.codec = .hevc
        _ = withParameterSets(input, format: format)
        _ = try? HEVCConfiguration.record(of: bytes.split(separator: 0).map(Array.init))
        _ = withParameterSets(withFourByteLengths(input, lengthSize: 1), format: plainFormat)
    }
}

private func checkVideo(_ format: VideoFormat?, _ read: (ByteBuffer) -> VideoFormat?) {
    guard let format else { return }
    precondition(read(ByteBuffer(bytes: format.configuration)) == format)
    precondition(format.parameterSets.reduce(0) { $0 + $1.count } <= 8192)
}

private func checkAudio(_ format: AudioFormat?, _ read: ([UInt8]) -> AudioFormat?) {
    guard let format else { return }
    precondition(read(format.configuration) == format)
    precondition((1...8).contains(format.channels) && format.sampleRate > 0)
}

/// An OBS's messages, one a line, as our session meets them. What is read as JSON is read the same from its own text.
private func fuzzOBS(_ input: ByteBuffer) {
    struct Digest: Digesting {
        func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(repeating: UInt8(truncatingIfNeeded: bytes.count), count: 32) }
    }
    var session = OBSSession(password: Secret("password"), digest: Digest())
    for line in Array(input.readableBytesView).split(separator: UInt8(ascii: "\n")) {
        if let json = try? JSON(bytes: Array(line)) {
            precondition((try? JSON(json.text)) == json)
        }
        guard let action = try? session.received(Array(line)) else { return }
        if case .send(let text) = action { precondition(!text.contains("password")) }
    }
}
