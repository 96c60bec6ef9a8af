package import Domain

/// What admins do to others' accounts; each act has its line in the audit log.
extension ProfileService {
    static let invitationUses = 1...1_000
    static let invitationDays = 1...366

    package func approve(_ user: UserID, by actor: Actor) async throws(AccountError) -> Account {
        let now = accounts.clock.now()
        let audit = audit("user.approve", user, by: actor)
        return try known(try await accounts.storing { try await self.store.approve(user, at: now, audit: audit) })
    }

    package func setRole(_ user: UserID, _ role: Role, by actor: Actor) async throws(AccountError) -> Account {
        let before = try await stored(user).account.role
        if role != before { try accounts.refuseOneself(user, actor) }
        if role != .admin { try await accounts.refuseLastAdmin(user) }
        let audit = audit(
            "user.role", user, by: actor, before: #"{"role":"\#(before.rawValue)"}"#,
            after: #"{"role":"\#(role.rawValue)"}"#)
        return try known(try await accounts.storing { try await self.store.setRole(user, role, audit: audit) })
    }

    package func makeResetLink(for user: UserID, by actor: Actor) async throws(AccountError) -> Secret {
        let account = try await stored(user).account
        let audit = audit("user.reset-link", user, by: actor)
        return try await accounts.storing {
            let token = try await self.makeLink(
                .reset, for: user, email: account.email, life: Self.resetLife)
            try await self.store.appendAudit(audit)
            return token
        }
    }

    package func removeSecondFactor(of user: UserID, by actor: Actor) async throws(AccountError) -> Account {
        let audit = audit("user.codes-off", user, by: actor)
        return try known(
            try await accounts.storing { try await self.store.removeSecondFactor(of: user, audit: audit) })
    }

    package func endSessions(of user: UserID, by actor: Actor) async throws(AccountError) {
        _ = try await stored(user)
        let audit = audit("user.log-out", user, by: actor)
        try await accounts.storing { try await self.store.endSessions(of: user, but: nil, audit: audit) }
    }

    // MARK: Invitations

    package func invitations() async throws(AccountError) -> [Invitation] {
        let now = accounts.clock.now()
        return try await accounts.storing { try await self.store.invitations() }.filter { $0.expiresAt > now }
    }

    package func invite(
        note: String, uses: Int, days: Int, by actor: Actor
    ) async throws(AccountError) -> (Invitation, Secret) {
        let note = try AccountRules.checkNote(note)
        guard Self.invitationUses.contains(uses) else {
            throw .invalid(field: "uses", reason: "An invitation is for 1 to 1000 people.")
        }
        guard Self.invitationDays.contains(days) else {
            throw .invalid(field: "days", reason: "An invitation holds for 1 to 366 days.")
        }
        let now = accounts.clock.now()
        let (token, digest) = makeToken()
        let invitation = Invitation(
            id: .random(), note: note, usesLeft: uses, createdAt: now, expiresAt: now + .seconds(days * 86_400))
        let audit = AuditRecord(
            at: now, actor: actor, action: "invitation.create", channel: nil, subject: invitation.id.description,
            before: nil, after: nil)
        try await accounts.storing {
            try await self.store.insertInvitation(invitation, digest: digest, audit: audit)
        }
        return (invitation, token)
    }

    package func withdraw(_ invitation: InvitationID, by actor: Actor) async throws(AccountError) {
        let audit = AuditRecord(
            at: accounts.clock.now(), actor: actor, action: "invitation.withdraw", channel: nil,
            subject: invitation.description, before: nil, after: nil)
        let isGone = try await accounts.storing {
            try await self.store.deleteInvitation(invitation, audit: audit)
        }
        guard isGone else { throw .unknownInvitation }
    }
}
