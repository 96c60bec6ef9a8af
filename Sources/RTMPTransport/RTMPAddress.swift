package import Domain
import Foundation
import RTMP

/// Another server's stream: `rtmp://HOST[:PORT]/APPLICATION/NAME` or `rtmps://…`, as platforms give it.
///
/// The name is often a key, so it is a `Secret` and `description` leaves it out.
package struct RTMPAddress: Sendable, Equatable, CustomStringConvertible {
    package var host: String
    package var port: Int
    package var isSecure: Bool
    /// The path without the name, with its query if it has one.
    package var application: String
    package var name: Secret

    /// - Parameters:
    ///   - text: with the name as its last path element, unless `name` is given.
    ///   - name: the stream key, where the platform gives it apart.
    /// - Returns: `nil` for another scheme, no host, a port outside 1…65,535, a path without an application, or no name.
    package init?(_ text: Secret, name: Secret? = nil) {
        guard let parts = URLComponents(string: text.exposed), let scheme = parts.scheme?.lowercased(),
            ["rtmp", "rtmps"].contains(scheme), let host = parts.host, !host.isEmpty, parts.fragment == nil
        else { return nil }
        isSecure = scheme == "rtmps"
        port = parts.port ?? (isSecure ? 443 : 1935)
        guard (1...65_535).contains(port) else { return nil }
        // URLs write IPv6 addresses in brackets.
        self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        var elements = parts.path.split(separator: "/").map(String.init)
        let query = parts.query.map { "?" + $0 } ?? ""
        if let name {
            self.name = name
            application = elements.joined(separator: "/") + query
        } else {
            guard let last = elements.popLast() else { return nil }
            self.name = Secret(last + query)
            application = elements.joined(separator: "/")
        }
        guard !application.isEmpty, !self.name.isEmpty else { return nil }
    }

    /// Where a server sends us (its tcUrl), for the same name.
    /// - Returns: `nil` when that is no address, or would carry the name, which often is a key, in the clear where it went
    ///   encrypted before.
    package func redirected(to address: Secret) -> RTMPAddress? {
        guard let target = RTMPAddress(address, name: name), target.isSecure || !isSecure else { return nil }
        return target
    }

    /// Without the name.
    package var description: String {
        let place = host.contains(":") ? "[\(host)]" : host
        let standard = isSecure ? 443 : 1935
        let path = application.prefix { $0 != "?" }
        return "\(isSecure ? "rtmps" : "rtmp")://\(place)\(port == standard ? "" : ":\(port)")/\(path)"
    }

    func target(_ role: ClientTarget.Role) -> ClientTarget {
        let query = application.drop { $0 != "?" }
        return ClientTarget(role: role, application: application, address: description + query, streamName: name)
    }
}
