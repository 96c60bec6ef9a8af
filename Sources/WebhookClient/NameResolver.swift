import Domain
private import Foundation
import NIOCore
private import Synchronization

/// Finds the addresses of a host's name by the system's resolver, which blocks: each look-up on a thread of its own, so that a
/// name whose servers are silent holds up nobody but those who ask for it.
///
/// Those who ask for the same host while it is looked up share the answer. Nothing is kept: the system does that.
final class NameResolver: Sendable {
    /// Look-ups at once; the next is refused (I11).
    private static let maximumAtOnce = 32
    /// Addresses taken of one name.
    private static let maximumAddresses = 16

    private typealias Waiter = CheckedContinuation<Result<[SocketAddress], OutboundError>, Never>

    private struct Key: Hashable {
        var host: String
        var port: Int
    }

    private let waiting = Mutex<[Key: [Waiter]]>([:])

    /// - Returns: at least one, in the system's order.
    /// - Throws: `.unknownName`, `.busy`.
    func addresses(of host: String, port: Int) async throws(OutboundError) -> [SocketAddress] {
        // What is an address already needs no look-up.
        if let address = try? SocketAddress(ipAddress: host, port: port) { return [address] }
        let key = Key(host: host, port: port)
        let result = await withCheckedContinuation { (waiter: Waiter) in
            let (isFirst, isRefused) = waiting.withLock { waiting -> (Bool, Bool) in
                if waiting[key] != nil {
                    waiting[key]?.append(waiter)
                    return (false, false)
                }
                guard waiting.count < Self.maximumAtOnce else { return (false, true) }
                waiting[key] = [waiter]
                return (true, false)
            }
            if isRefused { waiter.resume(returning: .failure(.busy)) }
            if isFirst { lookUp(key) }
        }
        return try result.get()
    }

    private func lookUp(_ key: Key) {
        let thread = Thread { [self] in
            let found = Self.ask(key)
            let waiters = waiting.withLock { $0.removeValue(forKey: key) } ?? []
            for waiter in waiters {
                waiter.resume(returning: found.isEmpty ? .failure(.unknownName) : .success(found))
            }
        }
        thread.name = "resolve"
        thread.stackSize = 512 * 1024
        thread.start()
    }

    private static func ask(_ key: Key) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_protocol = Int32(IPPROTO_TCP)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(key.host, String(key.port), &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee, addresses.count < maximumAddresses {
            next = entry.ai_next
            guard let address = entry.ai_addr else { continue }
            switch entry.ai_family {
            case AF_INET:
                let four = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee }
                addresses.append(SocketAddress(four, host: ""))
            case AF_INET6:
                let six = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { $0.pointee }
                addresses.append(SocketAddress(six, host: ""))
            default: break
            }
        }
        return addresses
    }
}
