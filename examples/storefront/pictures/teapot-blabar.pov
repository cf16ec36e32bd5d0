// teapot-blabar - blueberry glazed teapot with an oak hoop and knob.
// View 1 front, 2 three-quarter detail of lid and spout.
#version 3.7;
#include "shapes.inc"
#ifndef (AsModel) #include "lights.inc" #end
#include "materials.inc"

#declare TpBody = array[8] { <0,0.3,0>, <2.4,0.3,0.1>, <2.55,0,0.15>, <3.3,0,0.5>, <5.3,1.2,2.2>, <5.1,5.6,3.2>, <2.5,6.75,0.8>, <2.3,6.8,0> };
#declare TpLid = array[6] { <2.62,6.66,0>, <2.66,6.8,0.08>, <2.5,7.0,0.2>, <1.5,7.42,0.8>, <0.5,7.6,0.2>, <0,7.62,0> };
#declare TpKnob = array[7] { <0,7.5,0>, <0.4,7.5,0>, <0.34,7.85,0.25>, <0.85,8.3,0.4>, <0.7,8.85,0.4>, <0.3,8.95,0.2>, <0,8.96,0> };
#declare TpSpout = array[5] { <4.0,2.3,0>, <5.5,2.8,0>, <6.45,4.2,0>, <7.0,5.6,0>, <7.85,6.5,0> };
#declare TpSpoutR = array[5] { 1.5, 1.15, 0.78, 0.58, 0.5 };
#declare TpHoop = array[7] { <-3.5,6.3,0>, <-4.0,8.2,0>, <-2.9,10.5,0>, <0,11.5,0>, <2.9,10.5,0>, <4.0,8.2,0>, <3.5,6.3,0> };
#declare TpHoopR = array[7] { 0.25, 0.27, 0.32, 0.36, 0.32, 0.27, 0.25 };

#declare TpGlaze = texture { P_Speckle(<0.055, 0.085, 0.21>, <0.018, 0.022, 0.06>, 0.36) finish { F_Gloss } }
#declare Teapot = union {
  object { Turned(TpBody, 160) }
  object { Turned(TpLid, 120) }
  difference {
    object { Tube(TpSpout, TpSpoutR, 1, z, 14, 48) }
    sphere { <8.05, 6.75, 0>, 0.46 }
  }
  torus { 0.46, 0.07 rotate z*-42 translate <7.87, 6.52, 0> }
  sphere { <-3.5, 6.2, 0>, 0.5 } sphere { <3.5, 6.2, 0>, 0.5 }
  texture { TpGlaze } interior { I_Solid }
}
#declare Teapot = union {
  object { Teapot }
  object { Tube(TpHoop, TpHoopR, 1.35, z, 14, 32) M_Wood(OakA, OakB) }
  #for (I, -1, 1, 2) torus { 0.3, 0.1 material { M_Brass } rotate z*I*8 translate <I*3.57, 6.66, 0> } #end
  object { Turned(TpKnob, 72) M_Wood(OakA, OakB) }
}

#ifndef (AsModel)
  Studio(1)
  object { Teapot translate x*-1.15 rotate y*12 }
  #switch (View)
    #case (1) Shot(<0, 14, -56>, <0.05, 5.3, 0>, 15.6) #break
    #case (2) Shot(<22, 18, -34>, <1.2, 5.9, 0>, 12.4) #break
  #end
#end
