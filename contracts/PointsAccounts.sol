// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {ShortString, ShortStrings} from "@openzeppelin/contracts/utils/ShortStrings.sol";
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
    using ShortStrings for ShortString;

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

    /// @dev A struct, so that an entry finds its slot once.
    struct AccountWord {
        uint256 word;
    }

    mapping(address account => AccountWord) internal _accounts;
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
        return _read(_name);
    }

    /// @inheritdoc IERC20Metadata
    function symbol() external view returns (string memory) {
        return _read(_symbol);
    }

    function _read(string storage text) private pure returns (string memory) {
        return text;
    }

    /// @inheritdoc IERC20Metadata
    function decimals() external pure returns (uint8) {
        return 0;
    }

    /// @inheritdoc IERC20
    function balanceOf(address account) external view returns (uint256) {
        return _accounts[account].word & MASK_128;
    }

    /// @inheritdoc IERC20
    function totalSupply() external view returns (uint256 supply) {
        // Unchecked: debits never exceed credits in the end, and the sum of all is below 2^68.
        unchecked {
            for (uint256 kind = 1; kind <= REDEEMED_BY_SIGNATURE; ++kind) {
                supply = CREDIT_KINDS & (1 << kind) != 0 ? supply + _total(kind) : supply - _total(kind);
            }
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
            unchecked {
                _allowances[from][msg.sender] = allowed - value;
            }
        }
        _transfer(from, to, value);
        return true;
    }

    function _transfer(address from, address to, uint256 value) private {
        uint8 code = detectTransferRestriction(from, to, value);
        if (code != NO_RESTRICTION) _revertTransfer(code, from, to, value);
        // Unchecked: value <= balance of `from`, and Σ balances < 2^66 stays in the balance field.
        unchecked {
            _accounts[from].word -= value;
            _accounts[to].word += value;
        }
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
        revert ERC20InsufficientBalance(from, _accounts[from].word & MASK_128, value);
    }

    // --- ERC-1404 ----------------------------------------------------------------------------------------------------

    /// @inheritdoc ILoyaltyPoints
    function detectTransferRestriction(address from, address to, uint256 value) public view returns (uint8) {
        if (!_transfersOpen()) return TRANSFERS_OFF;
        if (paused()) return WHILE_PAUSED;
        if (to == address(0)) return NO_RECEIVER;
        uint256 sender = _accounts[from].word;
        uint256 receiver = _accounts[to].word;
        if (sender & ACCOUNT_SELF_CUSTODY == 0) return SENDER_IN_CUSTODY;
        if (receiver & ACCOUNT_SELF_CUSTODY == 0) return RECEIVER_IN_CUSTODY;
        if (sender & ACCOUNT_FROZEN != 0) return SENDER_FROZEN;
        if (receiver & ACCOUNT_FROZEN != 0) return RECEIVER_FROZEN;
        return sender & MASK_128 < value ? SHORT_BALANCE : NO_RESTRICTION;
    }

    /// @inheritdoc ILoyaltyPoints
    function messageForTransferRestriction(uint8 code) external pure returns (string memory) {
        bytes32 text = "Unknown code";
        if (code == NO_RESTRICTION) text = "No restriction";
        if (code == TRANSFERS_OFF) text = "Transfers are off";
        if (code == WHILE_PAUSED) text = "The program is paused";
        if (code == NO_RECEIVER) text = "There is no receiver";
        if (code == SENDER_IN_CUSTODY) text = "The sender is in custody";
        if (code == RECEIVER_IN_CUSTODY) text = "The receiver is in custody";
        if (code == SENDER_FROZEN) text = "The sender is frozen";
        if (code == RECEIVER_FROZEN) text = "The receiver is frozen";
        if (code == SHORT_BALANCE) text = "Too few points";
        uint256 length = 0;
        unchecked {
            while (text << (8 * length) != 0) ++length;
        }
        return ShortString.wrap(text | bytes32(length)).toString(); // no text is longer than 31 bytes
    }

    // --- Accounts ----------------------------------------------------------------------------------------------------

    /// @inheritdoc ILoyaltyPoints
    function setFrozen(address account, bool isFrozen) external onlyRole(GUARD_ROLE) {
        uint256 word = _accounts[account].word;
        _accounts[account].word = isFrozen ? word | ACCOUNT_FROZEN : word & ~ACCOUNT_FROZEN;
        emit FreezeChanged(account, isFrozen);
    }

    /// @inheritdoc ILoyaltyPoints
    function accountOf(address account)
        external
        view
        returns (uint128 balance, uint64 nonce, uint40 selfCustodyExpiresAt, bool isSelfCustody, bool isFrozen)
    {
        uint256 word = _accounts[account].word;
        return (
            uint128(word),
            uint64(word >> ACCOUNT_NONCE_SHIFT),
            uint40(word >> ACCOUNT_EXPIRES_SHIFT),
            word & ACCOUNT_SELF_CUSTODY != 0,
            word & ACCOUNT_FROZEN != 0
        );
    }

    /// @inheritdoc ILoyaltyPoints
    function nonces(address account) external view returns (uint64) {
        return uint64(_accounts[account].word >> ACCOUNT_NONCE_SHIFT);
    }

    // --- Totals ------------------------------------------------------------------------------------------------------

    /// @inheritdoc ILoyaltyPoints
    function totals()
        external
        view
        returns (
            uint64 issued,
            uint64 redeemed,
            uint64 expired,
            uint64 reversed,
            uint64 restored,
            uint64 donated,
            uint64 adjustedUp,
            uint64 adjustedDown,
            uint64 movedOut,
            uint64 movedIn,
            uint64 redeemedBySignature
        )
    {
        (uint256 first, uint256 second, uint256 third) = (_totals[0], _totals[1], _totals[2]);
        return (
            uint64(first),
            uint64(first >> 64),
            uint64(first >> 128),
            uint64(first >> 192),
            uint64(second),
            uint64(second >> 64),
            uint64(second >> 128),
            uint64(second >> 192),
            uint64(third),
            uint64(third >> 64),
            uint64(third >> 128)
        );
    }

    /// @dev `kind` 1 … 10 as in an entry, 11 = redeemed by signature.
    function _total(uint256 kind) private view returns (uint256) {
        unchecked {
            return (_totals[(kind - 1) >> 2] >> (((kind - 1) & 3) << 6)) & MASK_64;
        }
    }

    /// @dev Adds to one 64-bit total, or reverts. Four credits of 64 bits bound Σ balances by 2^66, far inside 128 bits.
    function _addTotal(uint256 kind, uint256 amount) internal {
        unchecked {
            uint256 shift = ((kind - 1) & 3) << 6;
            uint256 word = _totals[(kind - 1) >> 2];
            if (((word >> shift) & MASK_64) + amount > MASK_64) revert TotalsOverflow(kind);
            _totals[(kind - 1) >> 2] = word + (amount << shift);
        }
    }

    /// @dev Points that were redeemed or donated and not restored yet: no more can be restored.
    function _restorable() internal view returns (uint256) {
        unchecked {
            return _total(KIND_REDEMPTION) + _total(REDEEMED_BY_SIGNATURE) + _total(KIND_DONATION)
                - _total(KIND_RESTORATION);
        }
    }

    /// @dev Points that were moved out and not moved in yet: no more can be moved in.
    function _inTransit() internal view returns (uint256) {
        unchecked {
            return _total(KIND_MOVE_OUT) - _total(KIND_MOVE_IN);
        }
    }
}
