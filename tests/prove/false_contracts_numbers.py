TEXT = '''
# floor division of a negative | (1,)
def f(a: int) -> int:
    """post: result == 0 - (a // 2)"""
    return (-a) // 2

# a remainder has the sign of the divisor | (1, -2)
def f(a: int, b: int) -> int:
    """pre: b != 0
    post: result >= 0"""
    return a % b

# floor division rounds down | (-7,)
def f(a: int) -> int:
    """post: result == (a - a % 2) // 2 + 1"""
    return a // 2

# division rounds towards minus infinity, not zero | (-7, 2)
def f(a: int, b: int) -> int:
    """pre: b > 0
    post: abs(result) * b <= abs(a)"""
    return a // b

# divmod of a negative divisor | (7, -2)
def f(a: int, b: int) -> int:
    """pre: b < 0
    post: result >= 0"""
    q, r = divmod(a, b)
    return r

# division by zero | (1, 0)
def f(a: int, b: int) -> int:
    """post: True"""
    return a // b

# a remainder by zero | (0,)
def f(a: int) -> bool:
    """post: True"""
    return 5 % a == 0

# the shift is not a division towards zero | (-1,)
def f(a: int) -> int:
    """post: result == 0 or a > 1 or a < -1"""
    return a >> 1

# a mask of a negative | (-1,)
def f(a: int) -> int:
    """post: result <= a or a >= 0"""
    return a & 7

# a negative exponent | (2, -1)
def f(a: int, b: int) -> int:
    """pre: a > 0
    post: result >= 1"""
    return a ** b

# zero to the power of zero | (0,)
def f(a: int) -> int:
    """pre: a == 0
    post: result == 0"""
    return a ** a

# minus binds weaker than power | (2,)
def f(a: int) -> int:
    """pre: a == 2
    post: result == 4"""
    return -a ** 2

# true division | (3,)
def f(a: int) -> int:
    """post: 2 * result == a - a % 2"""
    return a / 2

# true counts as one | (True, True)
def f(a: bool, b: bool) -> int:
    """post: result <= 1"""
    return a + b

# true is less than two | (True,)
def f(a: bool) -> bool:
    """post: result == False"""
    return 0 < a < 2

# a bool times an int | (True, 3)
def f(a: bool, n: int) -> int:
    """post: result == n or result == 0 - n or n == 0"""
    return a * n + a

# not of a number | (0,)
def f(n: int) -> bool:
    """post: not result"""
    return not n

# minus true | (True,)
def f(a: bool) -> int:
    """post: result >= 0"""
    return -a

# and gives an operand | (2, 3)
def f(a: int, b: int) -> int:
    """post: result == a or result == 0"""
    return a and b

# or gives an operand | (0, 5)
def f(a: int, b: int) -> int:
    """post: result <= 1"""
    return a or b

# a chain is not a nested comparison | (3, 2, 1)
def f(a: int, b: int, c: int) -> bool:
    """post: result == ((a > b) > c)"""
    return a > b > c

# a chain of unequals says nothing of the ends | (1, 2, 1)
def f(a: int, b: int, c: int) -> bool:
    """post: not result or a != c"""
    return a != b != c

# abs of a difference | (1, 3)
def f(a: int, b: int) -> int:
    """post: result == a - b"""
    return abs(a - b)

# min of three | (3, 2, 1)
def f(a: int, b: int, c: int) -> int:
    """post: result == a or result == b"""
    return min(a, b, c)

# int of a bool | (True,)
def f(a: bool) -> int:
    """post: result == 0"""
    return int(a)

# an inverted bit pattern | (0,)
def f(n: int) -> int:
    """post: result == 0 - n"""
    return ~n
'''
