import ArgumentParser
import Domain
import Foundation
import LineupServer

struct Token: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes and revokes bearer tokens for machines.", subcommands: [Create.self, Revoke.self, List.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a token and prints it, this once.",
            discussion: """
                Only the token's SHA-256 is stored: who loses it makes another. Send it as `Authorization: Bearer TOKEN`; \
                it may do what its role may.
                """)

        @OptionGroup var installation: InstallationOptions
        @Option(help: "viewer, dj, operator or admin.") var role: String
        @Option(help: "What the token is for, 1 to 40 characters.") var name: String
        @Flag(help: "Print one JSON document.") var json = false

        func validate() throws {
            guard Role(rawValue: role) != nil else {
                throw ValidationError("--role must be one of \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
            }
        }

        func run() async throws {
            try await plainly {
                guard let role = Role(rawValue: role) else { throw ValidationError("unknown role") }
                let issued = try await installation.commandContext().withTokens {
                    try await $0.createToken(name: name, role: role, by: .shell)
                }
                let token = issued.token.exposed
                if json {
                    print(JSONText.line(TokenRow(issued.info, token: token)))
                } else {
                    print(token)
                    FileHandle.standardError.write(Data("Token \(issued.info.id). It is shown this once.\n".utf8))
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Revokes a token; it stops working at once.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The token's id, as `lineup token list` shows it; not the token itself.") var id: String
        @Flag(help: "Print one JSON document.") var json = false

        func validate() throws {
            guard TokenID(id) != nil else {
                throw ValidationError("the id is a UUID, as `lineup token list` shows it")
            }
        }

        func run() async throws {
            try await plainly {
                guard let token = TokenID(id) else { throw AccountError.unknownToken }
                try await installation.commandContext().withTokens { try await $0.revokeToken(token, by: .shell) }
                print(json ? JSONText.line(["revoked": token.description]) : "Revoked \(token).")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the tokens; never the tokens themselves.")

        @OptionGroup var installation: InstallationOptions
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let rows = try await installation.commandContext().withTokens { try await $0.tokens() }
                    .map { TokenRow($0) }
                if json { return print(JSONText.line(rows)) }
                if rows.isEmpty { print("There are no tokens yet: `lineup token create --help`.") }
                for row in rows {
                    let used = row.lastUsedAt.map { "used \($0)" } ?? "never used"
                    print(
                        "\(row.id)  \(row.role)  \(row.name)  \(used)\(row.revokedAt.map { "  revoked \($0)" } ?? "")")
                }
            }
        }
    }
}

private struct TokenRow: Encodable {
    let id: TokenID
    let name: String
    let role: String
    let createdAt: WallTime
    let lastUsedAt: WallTime?
    let revokedAt: WallTime?
    /// Set where it was made.
    let token: String?

    init(_ info: APIToken, token: String? = nil) {
        id = info.id
        name = info.name
        role = info.role.rawValue
        createdAt = info.createdAt
        lastUsedAt = info.lastUsedAt
        revokedAt = info.revokedAt
        self.token = token
    }
}

extension Actor {
    /// Whoever is at this shell.
    static var shell: Actor { Actor(kind: .commandLine, id: nil, name: NSUserName()) }
}
