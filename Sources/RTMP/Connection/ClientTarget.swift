package import Domain

/// Where a client connects to and what it does there.
package struct ClientTarget: Sendable, Equatable {
    package enum Role: Sendable { case publish, play }

    package var role: Role
    /// The path without the stream name, as platforms give it: `live2`, `app/instance`, with its query if it has one.
    package var application: String
    /// The whole address without the stream name, `rtmp://HOST[:PORT]/APPLICATION`: servers choose a virtual host by it.
    package var address: String
    /// The stream key, or the name to play. It is told to the server and to nobody else.
    package var streamName: Secret
    /// `flashVer`; platforms look for FMLE in it.
    package var encoder = "FMLE/3.0 (compatible; Lineup)"
    package var capabilities = EnhancedCapabilities.ours

    package init(role: Role, application: String, address: String, streamName: Secret) {
        self.role = role
        self.application = application
        self.address = address
        self.streamName = streamName
    }
}

/// Why a server sent a client away.
package struct ClientRefusal: Sendable, Equatable {
    /// Such as `NetStream.Publish.BadName`; at most 128 characters.
    package var code: String
    /// The server's words, cleaned, with our stream name taken out; at most 256 characters.
    package var message: String

    package init(code: String, message: String) {
        self.code = code
        self.message = message
    }

    /// - Parameter secret: what servers like to repeat in their messages and must not come into a log.
    init(reading information: AMF0Object, without secret: Secret) {
        func text(_ name: String, _ maximum: Int) -> String {
            let cleaned = PeerText.cleaned(information[name]?.string ?? "", maximumCharacters: 4096) ?? ""
            return String(Self.redacted(cleaned, secret).prefix(maximum))
        }
        code = text("code", 128)
        message = text("description", 256)
    }

    /// Both the whole name and what stands before its query are taken out, each way a server may cut it.
    private static func redacted(_ text: String, _ secret: Secret) -> String {
        let name = secret.exposed
        var result = text
        for part in [name, String(name.prefix { $0 != "?" })] where !part.isEmpty {
            result = result.replacing(part, with: "…")
        }
        return result
    }
}
