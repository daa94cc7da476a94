// What the kiosk says that changes, in Chinese and in English; what never changes stands in its template.

const TEXTS = {
  helperCome: ["请到导办台，工作人员会帮您取号", "Please go to the help desk: the staff will take a number for you"],
  desk: ["请到咨询台办理优先", "Please go to the help desk for priority"],
  total: ["现在有 {n} 人在等候", "{n} waiting now"],
  waiting: ["等候 {n} 人", "{n} waiting"],
  about: ["约 {a} 分钟", "{a} min"],
  soon: ["马上就到", "No wait"],
  closed: ["现在不能取号", "No tickets now"],
  page: ["{n} / {of}", "{n} / {of}"],
  big: ["大字", "Large"],
  normal: ["标准", "Normal"],
  other: ["English", "中文"],
  wait: ["正在取号…", "Taking your number…"],
  slow: ["网络慢，正在再试，请稍等", "Slow network, trying again"],
  hello: ["{name}，您好", "Hello, {name}"],
  priority: ["您可以优先办理（{why}）", "You are served with priority"],
  claimed: ["优先办理：{why}", "Priority: {why}"],
  expired: ["您的身份证已过有效期", "Your ID card has expired"],
  cardGone: ["时间到了，请再放一次身份证", "Time is over. Please lay your card on again"],
  unreadable: ["没有读到身份证，请平放再试一次", "Your card was not read. Please lay it flat and try again"],
  unsupported_document: [
    "这里只能读身份证。其他证件请直接取号，或到咨询台",
    "Only Chinese ID cards can be read here. You can take a number without a card",
  ],
  bad_number: ["身份证信息有误，请再试一次，或到咨询台", "Your card was not read rightly. Please try again"],
  yourNumber: ["您已有号码 {number}", "You have number {number}"],
  yourBooking: ["您预约了 {time}", "You booked {time}"],
  reprint: ["重新打印", "Print again"],
  redeem: ["取号", "Take number"],
  more: ["还有 {n} 条", "{n} more"],
  ahead: ["前面 {n} 人", "{n} ahead of you"],
  come: ["请现在到 {no} 号窗口", "Please go to window {no} now"],
  held: ["已暂时保留，请留意叫号", "Kept for you. Please listen for your number"],
  missed: ["已过号，请到导办台", "Missed. Please go to the help desk"],
  windows: ["办理窗口：{w}", "Windows: {w}"],
  window: ["号窗口", ""],
  estimate: ["大约等 {a} 分钟", "About {a} minutes to wait"],
  printing: ["正在打印小票…", "Printing your ticket…"],
  printed: ["请取走小票", "Please take your ticket"],
  printedCard: ["请取走小票和身份证", "Please take your ticket and your card"],
  unprinted: [
    "小票没有打出来。您的号是 {number}，请拍照或记下来",
    "The ticket was not printed. Your number is {number}. Please take a photo or note it",
  ],
  existing: ["您今天已经取过这项业务的号", "You already have a number for this service today"],
  texted: ["短信会发到 {phone}", "We will text {phone}"],
};

/** What `key` says in language 0 (Chinese) or 1, with its {words} filled in; "" for a key that says nothing. */
export const fill = (language, key, values = {}) =>
  TEXTS[key]?.[language].replace(/\{(\w+)\}/g, (_, name) => values[name]) ?? "";
