// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Ceilings} from "./Ceilings.sol";
import {ILoyaltyPoints} from "./ILoyaltyPoints.sol";
import {
    ACCOUNT_EXPIRES_SHIFT,
    ACCOUNT_FROZEN,
    ACCOUNT_NONCE_SHIFT,
    ACCOUNT_SELF_CUSTODY,
    CREDIT_KINDS,
    KIND_DONATION,
    KIND_MOVE_IN,
    KIND_MOVE_OUT,
    KIND_REDEMPTION,
    KIND_RESTORATION,
    MASK_128,
    MASK_64,
    REDEEMED_BY_SIGNATURE
} from "./PackedWords.sol";

/// @dev Account words, totals, and the ERC-20 face of them. Transfers go only from self-custody to self-custody, and only once opened.
abstract contract PointsAccounts is Ceilings, IERC20Metadata, IERC20Errors {
    /// @dev Codes of `detectTransferRestriction`.
    uint8 private constant NO_RESTRICTION = 0;
    uint8 private constant TRANSFERS_OFF = 1;
    uint8 private constant WHILE_PAUSED = 2;
    uint8 private constant NO_RECEIVER = 3;
    uint8 private constant SENDER_IN_CUSTODY = 4;
    uint8 private constant RECEIVER_IN_CUSTODY = 5;
    uint8 private constant SENDER_FROZEN = 6;
    uint8 private constant RECEIVER_FROZEN = 7;
    uint8 private constant SHORT_BALANCE = 8;

    mapping(address account => uint256 word) internal _accounts;
    /// @dev Eleven 64-bit totals, four to a word, in the order of the kinds; the eleventh is redeemed by signature.
    uint256[3] private _totals;
    mapping(address holder => mapping(address spender => uint256 amount)) private _allowances;

    string private _name;
    string private _symbol;

    constructor(string memory name_, string memory symbol_) {
        _name = name_;
        _symbol = symbol_;
    }

    // --- ERC-20 ------------------------------------------------------------------------------------------------------

    /// @inheritdoc IERC20Metadata
    function name() external view returns (string memory) {
        return _name;
    }

    /// @inheritdoc IERC20Metadata
    function symbol() external view returns (string memory) {
        return _symbol;
    }

    /// @inheritdoc IERC20Metadata
    function decimals() external pure returns (uint8) {
        return 0;
    }

    /// @inheritdoc IERC20
    function balanceOf(address account) external view returns (uint256) {
        return _accounts[account] & MASK_128;
    }

    /// @inheritdoc IERC20
    function totalSupply() external view returns (uint256 supply) {
        for (uint256 kind = 1; kind <= REDEEMED_BY_SIGNATURE; ++kind) {
            if (CREDIT_KINDS & (1 << kind) != 0) supply += _total(kind);
        }
        for (uint256 kind = 1; kind <= REDEEMED_BY_SIGNATURE; ++kind) {
            if (CREDIT_KINDS & (1 << kind) == 0) supply -= _total(kind);
        }
    }

    /// @inheritdoc IERC20
    function allowance(address holder, address spender) external view returns (uint256) {
        return _allowances[holder][spender];
    }

    /// @inheritdoc IERC20
    function approve(address spender, uint256 value) external returns (bool) {
        if (spender == address(0)) revert ERC20InvalidSpender(address(0));
        _allowances[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    /// @inheritdoc IERC20
    function transfer(address to, uint256 value) external returns (bool) {
        _transfer(msg.sender, to, value);
        return true;
    }

    /// @inheritdoc IERC20
    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        uint256 allowed = _allowances[from][msg.sender];
        if (allowed != type(uint256).max) {
            if (allowed < value) revert ERC20InsufficientAllowance(msg.sender, allowed, value);
            _allowances[from][msg.sender] = allowed - value;
        }
        _transfer(from, to, value);
        return true;
    }

    function _transfer(address from, address to, uint256 value) private {
        uint8 code = detectTransferRestriction(from, to, value);
        if (code != NO_RESTRICTION) _revertTransfer(code, from, to, value);
        // Neither word can leave its balance field: value <= balance of `from`, and Σ balances < 2^67 (PointsAccounts._addTotal).
        _accounts[from] -= value;
        _accounts[to] += value;
        emit Transfer(from, to, value);
    }

    function _revertTransfer(uint8 code, address from, address to, uint256 value) private view {
        if (code == TRANSFERS_OFF) revert TransfersDisabled();
        if (code == WHILE_PAUSED) revert EnforcedPause();
        if (code == NO_RECEIVER) revert ERC20InvalidReceiver(to);
        if (code == SENDER_IN_CUSTODY) revert NotSelfCustody(from);
        if (code == RECEIVER_IN_CUSTODY) revert NotSelfCustody(to);
        if (code == SENDER_FROZEN) revert AccountFrozen(from);
        if (code == RECEIVER_FROZEN) revert AccountFrozen(to);
        revert ERC20InsufficientBalance(from, _accounts[from] & MASK_128, value);
    }

    // --- ERC-1404 ----------------------------------------------------------------------------------------------------

    /// @inheritdoc ILoyaltyPoints
    function detectTransferRestriction(address from, address to, uint256 value) public view returns (uint8) {
        if (!_transfersOpen()) return TRANSFERS_OFF;
        if (paused()) return WHILE_PAUSED;
        if (to == address(0)) return NO_RECEIVER;
        uint256 sender = _accounts[from];
        uint256 receiver = _accounts[to];
        if (sender & ACCOUNT_SELF_CUSTODY == 0) return SENDER_IN_CUSTODY;
        if (receiver & ACCOUNT_SELF_CUSTODY == 0) return RECEIVER_IN_CUSTODY;
        if (sender & ACCOUNT_FROZEN != 0) return SENDER_FROZEN;
        if (receiver & ACCOUNT_FROZEN != 0) return RECEIVER_FROZEN;
        return sender & MASK_128 < value ? SHORT_BALANCE : NO_RESTRICTION;
    }

    /// @inheritdoc ILoyaltyPoints
    function messageForTransferRestriction(uint8 code) external pure returns (string memory) {
        if (code == NO_RESTRICTION) return "No restriction";
        if (code == TRANSFERS_OFF) return "Points are not transferable";
        if (code == WHILE_PAUSED) return "The program is paused";
        if (code == NO_RECEIVER) return "There is no receiver";
        if (code == SENDER_IN_CUSTODY) return "The sender's points are in the program's custody";
        if (code == RECEIVER_IN_CUSTODY) return "The receiver's points are in the program's custody";
        if (code == SENDER_FROZEN) return "The sender is frozen";
        if (code == RECEIVER_FROZEN) return "The receiver is frozen";
        if (code == SHORT_BALANCE) return "The sender has fewer points";
        return "Unknown code";
    }

    // --- Accounts ----------------------------------------------------------------------------------------------------

    /// @inheritdoc ILoyaltyPoints
    function setFrozen(address account, bool isFrozen) external onlyRole(GUARD_ROLE) {
        uint256 word = _accounts[account];
        _accounts[account] = isFrozen ? word | ACCOUNT_FROZEN : word & ~ACCOUNT_FROZEN;
        emit FreezeChanged(account, isFrozen);
    }

    /// @inheritdoc ILoyaltyPoints
    function accountOf(address account) external view returns (Account memory) {
        uint256 word = _accounts[account];
        return Account({
            balance: uint128(word),
            nonce: uint64(word >> ACCOUNT_NONCE_SHIFT),
            selfCustodyExpiresAt: uint40(word >> ACCOUNT_EXPIRES_SHIFT),
            isSelfCustody: word & ACCOUNT_SELF_CUSTODY != 0,
            isFrozen: word & ACCOUNT_FROZEN != 0
        });
    }

    /// @inheritdoc ILoyaltyPoints
    function nonces(address account) external view returns (uint64) {
        return uint64(_accounts[account] >> ACCOUNT_NONCE_SHIFT);
    }

    // --- Totals ------------------------------------------------------------------------------------------------------

    /// @inheritdoc ILoyaltyPoints
    function totals() external view returns (Totals memory) {
        (uint256 first, uint256 second, uint256 third) = (_totals[0], _totals[1], _totals[2]);
        return Totals({
            issued: uint64(first),
            redeemed: uint64(first >> 64),
            expired: uint64(first >> 128),
            reversed: uint64(first >> 192),
            restored: uint64(second),
            donated: uint64(second >> 64),
            adjustedUp: uint64(second >> 128),
            adjustedDown: uint64(second >> 192),
            movedOut: uint64(third),
            movedIn: uint64(third >> 64),
            redeemedBySignature: uint64(third >> 128)
        });
    }

    /// @dev `kind` 1 … 10 as in an entry, 11 = redeemed by signature.
    function _total(uint256 kind) private view returns (uint256) {
        return (_totals[(kind - 1) >> 2] >> (((kind - 1) & 3) << 6)) & MASK_64;
    }

    /// @dev Adds to one 64-bit total, or reverts. Four credits of 64 bits bound Σ balances by 2^66, far inside 128 bits.
    function _addTotal(uint256 kind, uint256 amount) internal {
        if (_total(kind) + amount > MASK_64) revert TotalsOverflow(kind);
        _totals[(kind - 1) >> 2] += amount << (((kind - 1) & 3) << 6);
    }

    /// @dev Points that were redeemed or donated and not restored yet: no more can be restored.
    function _restorable() internal view returns (uint256) {
        return _total(KIND_REDEMPTION) + _total(REDEEMED_BY_SIGNATURE) + _total(KIND_DONATION) - _total(KIND_RESTORATION);
    }

    /// @dev Points that were moved out and not moved in yet: no more can be moved in.
    function _inTransit() internal view returns (uint256) {
        return _total(KIND_MOVE_OUT) - _total(KIND_MOVE_IN);
    }
}
