import ArgumentParser
import Domain
import Foundation
import LineupServer

struct User: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes, lists, disables and enables accounts.",
        subcommands: [Create.self, List.self, Disable.self, Enable.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes an account.",
            discussion: """
                The password is read from standard input, so that it stands in no process list and no shell history:

                    printf %s "$PASSWORD" | lineup user create --email dj@example.org --name "DJ One" --role dj \
                --password-stdin
                """)

        @OptionGroup var installation: InstallationOptions
        @Option(help: "E-mail address, unique.") var email: String
        @Option(help: "DJ name: public, unique, 1 to 40 characters.") var name: String
        @Option(help: "viewer, dj, operator or admin.") var role: String = Role.dj.rawValue
        @Flag(help: "Read the password (8 to 128 characters) from standard input.") var passwordStdin = false
        @Flag(help: "Print one JSON document.") var json = false

        func validate() throws {
            guard Role(rawValue: role) != nil else {
                throw ValidationError("--role must be one of \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            guard passwordStdin else {
                throw ValidationError("pass --password-stdin and the password on standard input")
            }
        }

        func run() async throws {
            try await plainly {
                guard let role = Role(rawValue: role) else { throw ValidationError("unknown role") }
                let typed = FileHandle.standardInput.readData(ofLength: 4096)
                let password = Secret(String(decoding: typed, as: UTF8.self).trimmingCharacters(in: .newlines))
                let form = SignUpForm(email: email, name: name, password: password)
                let account = try await installation.commandContext().withAccounts {
                    try await $0.create(form, role: role)
                }
                print(
                    json
                        ? JSONText.line(AccountRow(account))
                        : "\(account.id)  \(account.name) (\(account.role.rawValue))")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists all accounts.")

        @OptionGroup var installation: InstallationOptions
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let rows = try await installation.commandContext().withAccounts { try await $0.accounts() }.map(
                    AccountRow.init)
                if json { return print(JSONText.line(rows)) }
                if rows.isEmpty { print("There are no accounts yet: `lineup user create --help`.") }
                for row in rows {
                    print("\(row.id)  \(row.role)  \(row.name)  <\(row.email)>\(row.disabled ? "  disabled" : "")")
                }
            }
        }
    }
}

extension User {
    struct Disable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keeps somebody out.",
            discussion: "Sessions end at once, and whoever publishes is disconnected within a second.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "DJ name, e-mail address or id.") var user: String
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws { try await setDisabled(user, true, installation, json: json) }
    }

    struct Enable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets somebody in again.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "DJ name, e-mail address or id.") var user: String
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws { try await setDisabled(user, false, installation, json: json) }
    }

    private static func setDisabled(
        _ user: String, _ isDisabled: Bool, _ installation: InstallationOptions, json: Bool
    ) async throws {
        try await plainly {
            let account = try await installation.commandContext().withAccounts { desk in
                guard let account = try await desk.account(matching: user) else { throw AccountError.unknownUser }
                return try await desk.setDisabled(account.id, isDisabled, by: .shell)
            }
            print(
                json
                    ? JSONText.line(AccountRow(account))
                    : "\(account.name) is \(account.isDisabled ? "disabled" : "enabled").")
        }
    }
}

private struct AccountRow: Encodable {
    let id: UserID
    let email: String
    let name: String
    let role: String
    let disabled: Bool
    let createdAt: WallTime

    init(_ account: Account) {
        id = account.id
        email = account.email
        name = account.name
        role = account.role.rawValue
        disabled = account.isDisabled
        createdAt = account.createdAt
    }
}

struct Key: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes and revokes stream keys.", subcommands: [Create.self, Revoke.self, List.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a stream key and prints it, this once.",
            discussion: "Only the key's SHA-256 is stored: who loses the key makes another.")

        @OptionGroup var installation: InstallationOptions
        @Option(help: "Whose: DJ name, e-mail address or id.") var user: String
        @Option(help: "What the key is for, 1 to 40 characters.") var label = "command line"
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let issued = try await installation.commandContext().withAccounts { desk in
                    guard let account = try await desk.account(matching: user) else { throw AccountError.unknownUser }
                    return try await desk.createKey(for: account.id, label: label)
                }
                let key = issued.key.exposed
                if json {
                    print(JSONText.line(["id": issued.info.id.description, "label": issued.info.label, "key": key]))
                } else {
                    print(key)
                    FileHandle.standardError.write(Data("Key \(issued.info.id). It is shown this once.\n".utf8))
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Revokes a stream key.",
            discussion: "Whoever publishes with it is disconnected within a second.")

        @OptionGroup var installation: InstallationOptions
        @Argument(help: "The key's id, as `lineup key list` shows it; not the key itself.") var id: String
        @Flag(help: "Print one JSON document.") var json = false

        func validate() throws {
            guard KeyID(id) != nil else { throw ValidationError("the id is a UUID, as `lineup key list` shows it") }
        }

        func run() async throws {
            try await plainly {
                guard let key = KeyID(id) else { throw AccountError.unknownKey }
                try await installation.commandContext().withAccounts { try await $0.revokeKey(key, of: nil) }
                print(json ? JSONText.line(["revoked": key.description]) : "Revoked \(key).")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists a DJ's keys; never the keys themselves.")

        @OptionGroup var installation: InstallationOptions
        @Option(help: "Whose: DJ name, e-mail address or id.") var user: String
        @Flag(help: "Print one JSON document.") var json = false

        func run() async throws {
            try await plainly {
                let rows = try await installation.commandContext().withAccounts { desk in
                    guard let account = try await desk.account(matching: user) else { throw AccountError.unknownUser }
                    return try await desk.keys(of: account.id)
                }.map(KeyRow.init)
                if json { return print(JSONText.line(rows)) }
                if rows.isEmpty { print("No keys yet: `lineup key create --user \"\(user)\"`.") }
                for row in rows {
                    let used = row.lastUsedAt.map { "used \($0)" } ?? "never used"
                    print("\(row.id)  \(row.label)  \(used)\(row.revokedAt.map { "  revoked \($0)" } ?? "")")
                }
            }
        }
    }
}

private struct KeyRow: Encodable {
    let id: KeyID
    let label: String
    let createdAt: WallTime
    let lastUsedAt: WallTime?
    let revokedAt: WallTime?

    init(_ info: StreamKeyInfo) {
        id = info.id
        label = info.label
        createdAt = info.createdAt
        lastUsedAt = info.lastUsedAt
        revokedAt = info.revokedAt
    }
}
