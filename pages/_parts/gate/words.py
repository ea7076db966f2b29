"""What the page at the gate says, in English and Chinese: strangers have chosen no language yet, so their browser's counts."""

from __future__ import annotations

ENGLISH = {
    "language": "en",
    "title": "Sign in",
    "code": "Your code",
    "code_help": "It is on your slip, such as k7m2-9qfw-x3hd. Anyone who has it can sign in as you, so keep it to yourself.",
    "class_password": "Password of the class, or your own code",
    "class_password_help": "Your teacher has it. You choose your name on the next page.",
    "sign_in": "Sign in",
    "teacher": "Sign in with a teacher's password",
    "password": "Password",
    "who": "Who are you?",
    "name": "Your name",
    "choose": "This is me",
    "none": "This class has no names to choose yet: ask your teacher.",
    "wrong": "This is not right. Look for letters that are easily confused, and try again.",
    "wait": "Too many wrong attempts: wait {seconds}, then try again.",
    "second": "{count} s",
    "minute": "{count} min",
    "over": "This class has ended, so nobody signs in any more. Ask your teacher.",
    "closed": "This lab lets nobody in at the moment. Ask the person who started it.",
    "too_slow": "That took more than five minutes: type the password again.",
}
CHINESE = {
    "language": "zh",
    "title": "登录",
    "code": "你的代码",
    "code_help": "在你的纸条上，形如 k7m2-9qfw-x3hd。谁有它，谁就能以你的名义登录，请不要给别人看。",
    "class_password": "班级密码，或你自己的代码",
    "class_password_help": "请向老师询问。下一页选择你的名字。",
    "sign_in": "登录",
    "teacher": "用教师密码登录",
    "password": "密码",
    "who": "你是谁?",
    "name": "你的名字",
    "choose": "这是我",
    "none": "这个班级还没有可选的名字：请询问老师。",
    "wrong": "不正确。请检查容易混淆的字母，然后再试一次。",
    "wait": "错误次数太多：请等待 {seconds} 后再试。",
    "second": "{count} 秒",
    "minute": "{count} 分钟",
    "over": "这个班级已经结束，不能再登录。请询问老师。",
    "closed": "这个实验室目前不允许任何人进入。请询问启动它的人。",
    "too_slow": "已超过五分钟：请重新输入密码。",
}


def words_for(languages: str) -> dict[str, str]:
    """The words for an `Accept-Language`: Chinese where it comes before English, else English."""
    weights: dict[str, float] = {}
    for each in languages[:500].lower().split(","):
        tag, _, quality = each.strip().partition(";q=")
        try:
            weight = float(quality or 1.0)
        except ValueError:
            weight = 0.0
        known = tag.partition("-")[0]
        weights[known] = max(weights.get(known, 0.0), weight)
    return CHINESE if weights.get("zh", 0.0) > weights.get("en", 0.0) else ENGLISH


def waiting(words: dict[str, str], seconds: float) -> str:
    """ "Too many wrong attempts: wait 40 s, …"."""
    whole = int(seconds) + 1
    kind, count = ("second", whole) if whole < 120 else ("minute", -(-whole // 60))
    return words["wait"].format(seconds=words[kind].format(count=count))
