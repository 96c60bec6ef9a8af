import NIOCore

/// A GET or HEAD for media that came in one piece and has nothing in it but what nearly all players send: read without NIO's codec,
/// which takes longer than everything else that a playlist costs.
///
/// It is strict where the codec is lenient, for what it does not understand is left to the codec (RFC 9112 §3, §5).
struct WholeRequest {
    var method: DeliveryQuestion.Method
    var target: String
    var headers: DeliveryQuestion.Headers
}

/// Reads `WholeRequest`s of one connection. A connection sends nearly the same header lines again and again: those of its last request
/// are kept as they were read.
struct WholeRequestReader {
    enum Reading {
        /// For media.
        case media(WholeRequest)
        /// Whole and without a body, but for something else.
        case other
        /// None of these: part of a request, several, one with a body, one that changes the connection, or none at all.
        case unclear
    }

    /// More than players send.
    static let maximumBytes = 4_096
    private static let maximumFields = 64

    private typealias Bytes = Slice<UnsafeRawBufferPointer>

    /// From behind the request line to the end.
    private var lastFields: [UInt8] = []
    private var lastHeaders = DeliveryQuestion.Headers()

    /// - Parameter buffer: all that came; nothing is taken from it.
    mutating func read(_ buffer: ByteBuffer) -> Reading {
        guard buffer.readableBytes <= Self.maximumBytes else { return .unclear }
        return buffer.withUnsafeReadableBytes { bytes in
            guard let line = Self.requestLine(bytes), let headers = headers(bytes[line.end...]) else { return .unclear }
            let target = String(decoding: line.target, as: UTF8.self)
            guard DeliveryQuestion.wrapping(of: target) != nil else { return .other }
            return .media(WholeRequest(method: line.method, target: target, headers: headers))
        }
    }

    /// The request that was read last, as it came.
    func bytes(of request: WholeRequest) -> ByteBuffer {
        var buffer = ByteBuffer(string: "\(request.method == .head ? "HEAD" : "GET") \(request.target) HTTP/1.1\r\n")
        buffer.writeBytes(lastFields)
        return buffer
    }

    /// `GET /PATH HTTP/1.1` (§3).
    private static func requestLine(
        _ bytes: UnsafeRawBufferPointer
    ) -> (method: DeliveryQuestion.Method, target: Bytes, end: Int)? {
        let isHead = bytes.starts(with: "HEAD /".utf8)
        guard isHead || bytes.starts(with: "GET /".utf8) else { return nil }
        let start = isHead ? 5 : 4
        var end = start
        while end < bytes.count, (0x21...0x7E).contains(bytes[end]) { end += 1 }
        let version = " HTTP/1.1\r\n"
        guard bytes[end...].starts(with: version.utf8) else { return nil }
        return (isHead ? .head : .get, bytes[start..<end], end + version.utf8.count)
    }

    private mutating func headers(_ fields: Bytes) -> DeliveryQuestion.Headers? {
        if fields.elementsEqual(lastFields) { return lastHeaders }
        guard let headers = Self.headers(fields) else { return nil }
        lastFields = Array(fields)
        lastHeaders = headers
        return headers
    }

    /// - Returns: `nil` where there is one of which this does not know what it does, or anything behind the empty line.
    private static func headers(_ fields: Bytes) -> DeliveryQuestion.Headers? {
        var headers = DeliveryQuestion.Headers()
        var (at, hosts, count) = (fields.startIndex, 0, 0)
        while true {
            guard let line = line(in: fields, at: &at) else { return nil }
            if line.isEmpty { return at == fields.endIndex && hosts == 1 ? headers : nil }
            count += 1
            guard count <= maximumFields, let colon = line.firstIndex(of: UInt8(ascii: ":")),
                let value = value(line[(colon + 1)...])
            else { return nil }
            let name = line[..<colon]
            guard !name.isEmpty, name.allSatisfy(isToken) else { return nil }
            switch meaning(of: name) {
            case .host:
                hosts += 1
                guard value.allSatisfy(HTTP1RulesHandler.isHostByte) else { return nil }
            case .connection: guard value.count == 10, value.isSame(as: "keep-alive") else { return nil }
            case .others: return nil
            case .none: headers.take(name, String(decoding: value, as: UTF8.self))
            }
        }
    }

    /// - Parameter at: where it begins; where the next one does. Lines end in CR and LF here.
    private static func line(in bytes: Bytes, at start: inout Int) -> Bytes? {
        var end = start
        while end < bytes.endIndex, bytes[end] != UInt8(ascii: "\r") { end += 1 }
        guard end + 1 < bytes.endIndex, bytes[end + 1] == UInt8(ascii: "\n") else { return nil }
        defer { start = end + 2 }
        return bytes[start..<end]
    }

    /// Without the blanks in front; `nil` for what is no text, and for blanks behind it, which the codec leaves there (§5).
    private static func value(_ text: Bytes) -> Bytes? {
        guard text.allSatisfy({ (0x20...0x7E).contains($0) || $0 == 0x09 }) else { return nil }
        let value = text.drop(while: isBlank)
        return value.last.map(isBlank) == true ? nil : value
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

    private enum Meaning {
        case host
        case connection
        /// The codec's: bodies, other protocols, and what waits for an answer of its own.
        case others
        case none
    }

    private static func meaning(of name: Bytes) -> Meaning {
        switch name.count {
        case 4 where name.isSame(as: "host"): .host
        case 10 where name.isSame(as: "connection"): .connection
        case 6 where name.isSame(as: "expect"), 7 where name.isSame(as: "upgrade"), 7 where name.isSame(as: "trailer"),
            14 where name.isSame(as: "content-length"), 14 where name.isSame(as: "http2-settings"),
            17 where name.isSame(as: "transfer-encoding"):
            .others
        default: .none
        }
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E:
            true
        default: false
        }
    }
}
