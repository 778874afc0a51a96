"""The operator's move."""

from __future__ import annotations

from token_service.errors.root import MereauError


class OperatorError(MereauError):
    """Set-up, disk, chain or configuration needs a person; the sentence says what to do."""

    code = "operator_needed"
    title = "The operator must act"


class BadSettings(OperatorError):
    """A setting is missing or wrong."""

    code = "bad_settings"
    title = "A setting is wrong"


class NotInitialised(OperatorError):
    """There is no programme here yet."""

    code = "not_initialised"
    title = "No programme here yet"


class ChainOwned(OperatorError):
    """Another process owns the embedded chain."""

    code = "chain_owned"
    title = "The chain has an owner already"


class ChainOlderThanLedger(OperatorError):
    """The chain's head lies below what the ledger has already seen."""

    code = "chain_older_than_ledger"
    title = "The chain is older than the ledger"


class ChainMissing(OperatorError):
    """The embedded chain's file is not where the ledger's programme left it."""

    code = "chain_missing"
    title = "The chain's file is missing"


class WrongContract(OperatorError):
    """The code at the address is not the published build."""

    code = "wrong_contract"
    title = "The contract is not the published build"


class DiskFull(OperatorError):
    """No room to write; nothing was acknowledged."""

    code = "disk_full"
    title = "The disk is full"


class LaneHalted(OperatorError):
    """A lane waits for a person; facts: `operator`, `reason`."""

    code = "lane_halted"
    title = "A lane is halted"


class LedgerWentOn(OperatorError):
    """A restored ledger recorded other things before it was repaired: the two histories do not go together."""

    code = "ledger_went_on"
    title = "The ledger has gone on since it was restored"


class RpcError(OperatorError):
    """The node answered a JSON-RPC error; `data` is the revert data ("0x…") if there was any."""

    code = "node_refused"
    title = "The chain node refused the request"

    def __init__(self, detail: str, *, rpc_code: int = -32000, data: str | None = None) -> None:
        super().__init__(detail)
        self.rpc_code = rpc_code
        self.data = data


class PolicyRefused(OperatorError):
    """The signer's policy forbids to sign this."""

    code = "policy_refused"
    title = "The signer refuses to sign this"


class WrongChain(OperatorError):
    """The node serves another chain than the ledger was made for."""

    code = "wrong_chain"
    title = "The node serves another chain"


class AdminOperationFailed(OperatorError):
    """An operation of the program's administration was refused by the contract; `detail` says why."""

    code = "admin_operation_failed"
    title = "The contract refused an administrative operation"
