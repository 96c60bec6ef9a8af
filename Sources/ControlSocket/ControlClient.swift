import Foundation

/// The command line's end of the control socket. Blocks, for at most the deadline; not for a server's threads.
package enum ControlClient {
    /// Asks the server whose socket is at `path`.
    ///
    /// - Throws: `ControlError(.noServer)` when nobody listens there, `.refused` with the server's sentence.
    package static func ask(_ request: ControlRequest, at path: String) throws -> String {
        let descriptor = try connect(to: path)
        defer { close(descriptor) }
        try send(JSONEncoder().encode(request) + Data("\n".utf8), on: descriptor)
        let line = try receiveLine(from: descriptor)
        switch ControlAnswer(line: line) {
        case .result(let json): return json
        case .failure(let text): throw ControlError(.refused, text)
        case nil: throw ControlError(.brokenAnswer, "the server's answer was cut short")
        }
    }

    private static func connect(to path: String) throws -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw ControlError(.pathTooLong, "the data folder's path is too long for a socket: \(path)")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw ControlError(.noServer, "no socket: \(String(cString: strerror(errno)))") }
        var limit = timeval(tv_sec: ControlLimits.deadlineSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw ControlError(.noServer, "no server runs on this data folder")
        }
        return descriptor
    }

    private static func send(_ data: Data, on descriptor: Int32) throws {
        var rest = data[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard written > 0 else { throw ControlError(.brokenAnswer, "the server closed the control socket") }
            rest = rest.dropFirst(written)
        }
    }

    private static func receiveLine(from descriptor: Int32) throws -> String {
        var received: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while received.count < ControlLimits.maximumAnswerBytes {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { break }
            received += chunk[..<count]
            if chunk[..<count].contains(UInt8(ascii: "\n")) { break }
        }
        guard let end = received.firstIndex(of: UInt8(ascii: "\n")) else {
            throw ControlError(.brokenAnswer, "the server did not answer in \(ControlLimits.deadlineSeconds) s")
        }
        return String(decoding: received[..<end], as: UTF8.self)
    }
}
