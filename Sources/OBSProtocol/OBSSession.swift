package import Domain

/// The client's side of one obs-websocket v5 connection: Hello, Identify with the password's proof, Identified, then batches and
/// events. Pure: text in, actions out.
///
///     helloExpected ──Hello──▶ identifiedExpected ──Identified──▶ identified
///
/// A message that cannot come in a state, or is none, ends the connection: the owner closes it when `received` throws.
package struct OBSSession: Sendable {
    private enum State { case helloExpected, identifiedExpected, identified }

    package enum Action: Sendable, Equatable {
        case send(String)
        /// Batches may be sent from here on.
        case identified(OBSServer)
        case event(OBSEvent)
        /// To the batch of this number.
        case answered(Int, [OBSReply])
        /// Of a newer protocol, or an answer to nothing we wait for.
        case ignore
    }

    package static let rpcVersion = 1
    private let password: Secret?
    private let digest: any Digesting
    private let subscriptions: OBSEventSubscription
    private let limits: JSON.Limits
    private var state = State.helloExpected
    private var version = ""

    package init(
        password: Secret?, subscriptions: OBSEventSubscription = [.general, .scenes, .outputs], digest: any Digesting,
        limits: JSON.Limits = JSON.Limits()
    ) {
        self.password = password
        self.subscriptions = subscriptions
        self.digest = digest
        self.limits = limits
    }

    package var isIdentified: Bool { state == .identified }

    /// A text message came.
    /// - Throws: what ends the connection.
    package mutating func received(_ bytes: [UInt8]) throws(OBSProtocolError) -> Action {
        let message = try JSON(bytes: bytes, limits: limits)
        guard let number = message["op"]?.integer, let data = message["d"], data.object != nil else {
            throw OBSProtocolError(.badMessage, "a message without op or d")
        }
        switch (OBSOpCode(rawValue: number), state) {
        case (.hello, .helloExpected): return try hello(data)
        case (.identified, .identifiedExpected):
            state = .identified
            return .identified(OBSServer(webSocketVersion: version))
        case (.event, .identified):
            guard let type = data["eventType"]?.string else {
                throw OBSProtocolError(.badMessage, "an event without its type")
            }
            return .event(OBSEvent(type: String(type.prefix(64)), data: data["eventData"] ?? .object([:])))
        case (.requestBatchResponse, .identified): return try batchResponse(data)
        case (.requestResponse, .identified), (nil, .identified): return .ignore
        case (.hello, _), (.identified, _), (.event, _), (.requestResponse, _), (.requestBatchResponse, _), (nil, _):
            throw OBSProtocolError(.outOfOrder, "message \(number) cannot come now")
        case (.identify, _), (.reidentify, _), (.request, _), (.requestBatch, _):
            throw OBSProtocolError(.outOfOrder, "message \(number) is a client's")
        }
    }

    /// The text of a batch whose answer will come with the same number.
    package func text(of batch: OBSBatch, number: Int) -> String {
        Self.message(.requestBatch, batch.json(id: String(number)))
    }

    private mutating func hello(_ data: JSON) throws(OBSProtocolError) -> Action {
        guard let rpc = data["rpcVersion"]?.integer else {
            throw OBSProtocolError(.badMessage, "a Hello without rpcVersion")
        }
        guard rpc >= Self.rpcVersion else { throw OBSProtocolError(.otherVersion, "OBS speaks RPC version \(rpc)") }
        version = String((data["obsWebSocketVersion"]?.string ?? "").prefix(32))
        var fields: [String: JSON] = [
            "rpcVersion": .integer(Self.rpcVersion), "eventSubscriptions": .integer(subscriptions.rawValue),
        ]
        if let authentication = data["authentication"], authentication != .null {
            guard let challenge = authentication["challenge"]?.string, let salt = authentication["salt"]?.string else {
                throw OBSProtocolError(.badMessage, "a Hello whose challenge is not whole")
            }
            guard let password, !password.isEmpty else {
                throw OBSProtocolError(.passwordNeeded, "OBS asks for a password and none is set")
            }
            fields["authentication"] = .string(
                Self.proof(password: password, salt: salt, challenge: challenge, digest: digest))
        }
        state = .identifiedExpected
        return .send(Self.message(.identify, .object(fields)))
    }

    private func batchResponse(_ data: JSON) throws(OBSProtocolError) -> Action {
        guard let text = data["requestId"]?.string, let results = data["results"]?.array else {
            throw OBSProtocolError(.badMessage, "a batch's answer without its id or results")
        }
        guard let number = Int(text) else { return .ignore }
        var replies: [OBSReply] = []
        for result in results {
            guard let reply = OBSReply(result) else {
                throw OBSProtocolError(.badMessage, "a request's answer without its type or status")
            }
            replies.append(reply)
        }
        return .answered(number, replies)
    }

    private static func message(_ code: OBSOpCode, _ data: JSON) -> String {
        JSON.object(["op": .integer(code.rawValue), "d": data]).text
    }

    /// obs-websocket's protocol, "Creating an authentication string": base64(SHA-256(base64(SHA-256(password + salt)) + challenge)).
    static func proof(password: Secret, salt: String, challenge: String, digest: any Digesting) -> String {
        let secret = Base64.text(of: digest.sha256(Array((password.exposed + salt).utf8)))
        return Base64.text(of: digest.sha256(Array((secret + challenge).utf8)))
    }
}

/// Who answered.
package struct OBSServer: Sendable, Equatable {
    package var webSocketVersion: String

    package init(webSocketVersion: String) { self.webSocketVersion = webSocketVersion }
}

/// RFC 4648 §4; protocols have no Foundation.
package enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    package static func text(of bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            let bits = group.enumerated().reduce(0) { $0 | Int($1.element) << (16 - 8 * $1.offset) }
            for place in 0..<4 {
                text.append(place <= group.count ? digits[bits >> (18 - 6 * place) & 63] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Returns: `nil` for what is not whole groups of four digits of this alphabet.
    package static func bytes(of text: some StringProtocol) -> [UInt8]? {
        let source = Array(text.utf8)
        guard source.count.isMultiple(of: 4) else { return nil }
        let padding = source.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(source.count / 4 * 3)
        var bits = 0
        for (index, digit) in source.dropLast(padding).enumerated() {
            guard let value = value(of: digit) else { return nil }
            bits = (bits << 6 | value) & 0xFF_FFFF
            switch index % 4 {
            case 1: bytes.append(UInt8(bits >> 4 & 255))
            case 2: bytes.append(UInt8(bits >> 2 & 255))
            case 3: bytes.append(UInt8(bits & 255))
            default: break
            }
        }
        return bytes
    }

    private static func value(of digit: UInt8) -> Int? {
        switch digit {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(digit) - 65
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(digit) - 71
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(digit) + 4
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
