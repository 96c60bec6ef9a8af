import Domain
import Foundation

/// What of a target must be read again and nobody may see: sealed as one JSON document.
struct TargetSecrets: Sendable, Equatable {
    var url: Secret
    /// What bodies are signed with; `nil` for Discord and files.
    var signing: Secret?
    var headers: [TargetHeader]

    private struct Document: Codable {
        struct Header: Codable {
            var name: String
            var value: String
        }

        var url: String
        var signing: String?
        var headers: [Header]
    }

    func sealed(for target: Target, by box: any SecretSealing) throws -> [UInt8] {
        let document = Document(
            url: url.exposed, signing: signing?.exposed,
            headers: headers.map { .init(name: $0.name, value: $0.value.exposed) })
        let json = String(decoding: try JSONEncoder().encode(document), as: UTF8.self)
        return box.seal(Secret(json), for: target.sealingPurpose)
    }

    /// - Throws: `SecretSealingError`.
    static func open(_ stored: StoredTarget, by box: any SecretSealing) throws(SecretSealingError) -> TargetSecrets {
        let json = try box.open(stored.sealed, for: stored.target.sealingPurpose)
        // Sealed by us: it reads, unless a newer binary wrote it.
        guard let document = try? JSONDecoder().decode(Document.self, from: Data(json.exposed.utf8)) else {
            throw .broken
        }
        return TargetSecrets(
            url: Secret(document.url), signing: document.signing.map { Secret($0) },
            headers: document.headers.map { TargetHeader(name: $0.name, value: Secret($0.value)) })
    }
}
