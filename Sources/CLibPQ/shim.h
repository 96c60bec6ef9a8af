#pragma once
#include <libpq-fe.h>

// Character macros that Swift does not import.
static const int lineup_diagnostic_sqlstate = PG_DIAG_SQLSTATE;
static const int lineup_diagnostic_constraint = PG_DIAG_CONSTRAINT_NAME;
static const int lineup_diagnostic_message = PG_DIAG_MESSAGE_PRIMARY;
