// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Setup} from "./Setup.sol";
import {Slots} from "./Slots.sol";

/// @dev Proved by halmos for every value of the arguments.
contract Symbolic is Setup {
    address internal constant HOLDER = address(0xa11ce);

    function setUp() public {
        _deploy();
    }

    function check_a_sequence_applies_at_most_once(uint64 first, uint64 second, uint64 amount) public {
        bool isFirstApplied = _settleOne(first, _word(HOLDER, 1, 1, amount));
        uint256 balance = token.balanceOf(HOLDER);
        bool isSecondApplied = _settleOne(second, _word(HOLDER, 1, 1, amount));
        assert(isFirstApplied == (first == 1));
        assert(isSecondApplied == (second == (isFirstApplied ? 2 : 1)));
        if (!isSecondApplied) assert(token.balanceOf(HOLDER) == balance);
    }

    /// @dev Issuing entries name party 1: which slot a party's room is kept in cannot be symbolic.
    function check_no_operator_lowers_a_self_custody_balance_before_its_expiry(
        address account,
        uint8 kind,
        uint24 party,
        uint64 amount,
        uint64 balance,
        uint64 nonce,
        uint40 expiresAt
    ) public {
        vm.assume(expiresAt == 0 || expiresAt > block.timestamp);
        uint256 held = 1 << 232 | uint256(expiresAt) << 192 | uint256(nonce) << 128 | balance;
        vm.store(address(token), keccak256(abi.encode(HOLDER, Slots.ACCOUNTS)), bytes32(held));
        for (uint256 k = 0; k <= 11; ++k) {
            if (kind == k) _settleOne(1, _word(account, k, k == 1 || k == 7 ? 1 : party, amount));
        }
        assert(token.balanceOf(HOLDER) >= balance);
        (, uint64 nonceNow, uint40 expiresNow, bool isSelfCustody, bool isFrozen) = token.accountOf(HOLDER);
        assert(nonceNow == nonce && expiresNow == expiresAt && isSelfCustody && !isFrozen);
    }
}
