import BootInfo

/// What a screen of pixels is used for.
enum ScreenUse: UInt8, NamedChoice {
  /// The picture of the address space, and text below it.
  case picture
  case text

  var name: StaticString {
    switch self {
    case .picture: "picture"
    case .text: "text"
    }
  }
}

extension Command {
  /// Without an argument, from the picture to the text and back.
  @_lifetime(arguments: copy arguments)
  func screen(_ arguments: inout Arguments) throws(CommandFailure) {
    var use = Console.isPictureShown ? ScreenUse.text : .picture
    if let word = arguments.next() { use = try arguments.choice(word, "use of the screen") }
    try arguments.finish()
    switch use {
    case .text: Console.showText()
    case .picture:
      if !Console.showPicture() {
        throw arguments.refuse("there is no framebuffer of 640 by 480 pixels or more")
      }
    }
  }
}
